"""The encoders of a store, as versions.

A registered model has the name of its modality; a version of it is one encoder, known by the sha256 of its
`manifest.json`, so that the same encoder is registered once however often it is asked for. Two aliases:

    @candidate   the version registered last
    @champion    the version that fusions use, put there with a recorded reason

Files go in and out as they are, nothing is pickled.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .. import artifact
from ..errors import BadSetting, TamperedArtifact, UnfitManifest
from ..versions import Version, flat, of_digest, version_of
from .runs import Metrics, Runs
from .store import Store

CANDIDATE, CHAMPION = "candidate", "champion"
ENCODER, REPORT = "encoder", "report"
Tags = Mapping[str, Any]


class Registry:
    """The encoders and runs of one store.

    Arguments:
        uri: Of a tracking server or database; by default `MLFLOW_TRACKING_URI`, or else SQLite under `root`.
        root: The project's root.
    """

    def __init__(self, uri: str | None = None, root: Path = Path()):
        self._store = Store(uri, root)
        self.uri, self.store = self._store.uri, self._store.folder

    def register(self, name: str, folder: Path, tags: Tags, metrics: Metrics) -> Version:
        """Register a modality's encoder as @candidate; one that is registered already stays the version it is.

        `folder` has a `manifest.json` that lists `files` with their sha256, `TamperedArtifact` where one differs; `tags`
        say what it was made from, and `metrics` go to the run that holds its files.
        """
        _require_named(artifact.read_manifest(folder), name)
        digest = artifact.digest(folder)
        with self._store.alone():
            version = next((v for v in self.versions(name) if v.digest == digest), None)
            if version and not self._is_whole(version):
                self._client.log_artifacts(version.run_id, str(folder), ENCODER)
            version = version or self._create(
                name, Path(folder), {**tags, "digest": digest}, metrics
            )
            self._client.set_registered_model_alias(name, CANDIDATE, str(version.version))
        return version

    def promote(self, version: Version, reason: str) -> None:
        """Make a version its modality's @champion; `BadSetting` without a reason."""
        self._judge(version, "promoted", reason)
        self._client.set_registered_model_alias(version.name, CHAMPION, str(version.version))

    def refuse(self, version: Version, reason: str) -> None:
        """Record why a version is not to be used; it stays to be looked at. A champion that is refused is one no more."""
        self._judge(version, "refused", reason)
        if self.champion(version.name) == version:
            self._client.delete_registered_model_alias(version.name, CHAMPION)

    def champion(self, name: str) -> Version | None:
        """The version that fusions use, or None. Asking creates no store."""
        return self._aliased(name, CHAMPION)

    def candidate(self, name: str) -> Version | None:
        """The version registered last, or None. Asking creates no store."""
        return self._aliased(name, CANDIDATE)

    def versions(self, name: str) -> list[Version]:
        """Every version of a modality's encoder, the latest first."""
        found = self._client.search_model_versions(f"name = '{name}'") if self._store.exists else []
        return sorted(map(version_of, found), key=lambda v: -v.version)

    def known(self, name: str, digest: str) -> Version:
        """The version that is the encoder of this digest; `UnknownVersion` where this store has none."""
        return of_digest(self.versions(name), f"encoder '{name}' of digest", digest, self.uri)

    def tags(self, version: Version) -> dict[str, str]:
        """What was written on a version: digest, commit, data digests, verdict, reason."""
        return dict(self._client.get_model_version(version.name, str(version.version)).tags)

    def fetch(self, version: Version) -> Path:
        """The folder of a version's files on this machine; `TamperedArtifact` unless they are those that were registered."""
        uri = self._client.get_model_version_download_uri(version.name, str(version.version))
        folder = self._store.local(uri, version.digest, ENCODER)
        if artifact.digest(folder) != version.digest:
            raise TamperedArtifact(
                f"{folder} is not the encoder registered as {version.name} version {version.version}",
                "register the encoder again, and find out who changed it",
            )
        _require_named(artifact.read_manifest(folder), version.name)
        return folder

    def log_training(
        self, name: str, params: Mapping[str, Any], history: Sequence[Metrics], encoder: str = ""
    ) -> str:
        """A run of a modality's training, by its id: `history` holds every step's metrics, and its number under `step`.

        Of the training of an `encoder`, by its digest, there is one finished run however often it is logged.
        """
        with self._store.alone():
            runs = Runs(self._store, f"modality.{name}")
            if found := runs.finished("training", encoder):
                return found
            with runs.begun("training", params, encoder, history) as run:
                return str(run.info.run_id)

    def log_fusion(self, name: str, params: Tags, metrics: Metrics, folder: Path) -> str:
        """A run of a fusion, by its id, with the files of `folder` as its `report`."""
        if not Path(folder).is_dir():  # mlflow would log nothing, in silence
            raise BadSetting(f"there is no report in {folder}", "make it before it is logged")
        with self._store.alone():
            runs = Runs(self._store, f"fusion.{name}")
            with runs.begun("fusion", params, history=[metrics]) as run:
                self._client.log_artifacts(run.info.run_id, str(folder), REPORT)
                return str(run.info.run_id)

    @property
    def _client(self) -> Any:
        return self._store.client

    def _is_whole(self, version: Version) -> bool:
        with suppress(TamperedArtifact):
            return bool(self.fetch(version))
        return False

    def _create(self, name: str, folder: Path, tags: Tags, metrics: Metrics) -> Version:
        run = self._filed(name, folder, tags["digest"], metrics)
        if not self._client.search_registered_models(f"name = '{name}'"):
            self._client.create_registered_model(name)
        source = f"{self._client.get_run(run).info.artifact_uri}/{ENCODER}"
        return version_of(
            self._client.create_model_version(
                name, source, run, tags=flat(tags), await_creation_for=0
            )
        )

    def _filed(self, name: str, folder: Path, digest: str, metrics: Metrics) -> str:
        """The id of the run that holds the encoder's files."""
        runs = Runs(self._store, f"modality.{name}")
        if found := runs.finished("registration", digest):
            return found
        with runs.begun("registration", {}, digest, [metrics]) as run:
            self._client.log_artifacts(run.info.run_id, str(folder), ENCODER)
            return str(run.info.run_id)

    def _judge(self, version: Version, verdict: str, reason: str) -> None:
        if not reason.strip():
            what = f"{version.name} version {version.version} cannot be {verdict} without a reason"
            raise BadSetting(what, "give one")
        for key, value in (("verdict", verdict), ("reason", reason)):
            self._client.set_model_version_tag(version.name, str(version.version), key, value)

    def _aliased(self, name: str, alias: str) -> Version | None:
        models = (
            self._client.search_registered_models(f"name = '{name}'") if self._store.exists else []
        )
        number = models[0].aliases.get(alias) if models else None
        return version_of(self._client.get_model_version(name, str(number))) if number else None


def _require_named(manifest: Mapping[str, Any], name: str) -> None:
    """Raise `UnfitManifest` unless an encoder is one of the modality that it is registered for."""
    if manifest["name"] != name:
        raise UnfitManifest(
            f"the encoder is one of '{manifest['name']}', expected one of '{name}'",
            "register it under its own name, and ask who made it",
        )
