"""Registry: register, promote, pin, load. The only importer of mlflow.

A registered model has the name of its modality; a version of it is one encoder, known by the sha256 of its
`manifest.json`, so that the same encoder is registered once however often it is asked for. Two aliases:

    @candidate   the version registered last
    @champion    the version that fusions use, put there with a recorded reason

The store is a SQLite file with its artifacts beside it, `<root>/mlflow/store`, unless `MLFLOW_TRACKING_URI` names
another. Files go in and out as they are, nothing is pickled. mlflow is slow to import: that happens at first use.
"""

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from . import artifact
from .durable import only_writer, written_beside
from .errors import BadSetting, TamperedArtifact
from .versions import Version, flat, local_path, of_digest, version_of

__all__ = ["Registry", "Version"]
URI = "MLFLOW_TRACKING_URI"
SQLITE = "sqlite:///"
CANDIDATE, CHAMPION = "candidate", "champion"
ENCODER, REPORT = "encoder", "report"
QUIET = ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT")
METRICS_A_BATCH, PARAMS_A_BATCH = 1000, 100  # what a server takes at once
Tags = Mapping[str, Any]
Metrics = Mapping[str, float]


class Registry:
    """The encoders and runs of one store.

    Arguments:
        uri: Of a tracking server or database; by default `MLFLOW_TRACKING_URI`, or else SQLite under `root`.
        root: The project's root.
    """

    def __init__(self, uri: str | None = None, root: Path = Path()):
        self.store = Path(root).resolve() / "mlflow" / "store"
        self.uri = uri or os.environ.get(URI) or f"{SQLITE}{self.store / 'mlflow.db'}"
        self.database = (
            Path(self.uri.removeprefix(SQLITE)).resolve() if self.uri.startswith(SQLITE) else None
        )
        if self.database:
            self.store, self.uri = self.database.parent, f"{SQLITE}{self.database}"

    def register(self, name: str, folder: Path, tags: Tags, metrics: Metrics) -> Version:
        """Register a modality's encoder as @candidate; one that is registered already stays the version it is.

        `folder` has a `manifest.json` that lists `files` with their sha256, `TamperedArtifact` where one differs; `tags`
        say what it was made from, and `metrics` go to the run that holds its files.
        """
        artifact.read_manifest(folder)
        digest = artifact.digest(folder)
        experiment = self._experiment(f"modality.{name}")
        with self._alone():
            version = next((v for v in self.versions(name) if v.digest == digest), None)
            if version and not self._is_whole(version):
                self._client.log_artifacts(version.run_id, str(folder), ENCODER)
            version = version or self._create(
                name, Path(folder), experiment, {**tags, "digest": digest}, metrics
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
        found = self._client.search_model_versions(f"name = '{name}'") if self._exists else []
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
        folder = self._local(uri, version.digest)
        artifact.read_manifest(folder)
        if artifact.digest(folder) != version.digest:
            raise TamperedArtifact(
                f"{folder} is not the encoder registered as {version.name} version {version.version}",
                "register the encoder again, and find out who changed it",
            )
        return folder

    def log_training(self, name: str, params: Mapping[str, Any], history: Sequence[Metrics]) -> str:
        """A run of a modality's training, by its id: `history` holds every step's metrics, and its number under `step`."""
        with self._run(self._experiment(f"modality.{name}"), "training", params) as run:
            self._log_metrics(run, history)
        return run.info.run_id

    def log_fusion(self, name: str, params: Tags, metrics: Metrics, folder: Path) -> str:
        """A run of a fusion, by its id, with the files of `folder` as its `report`."""
        if not Path(folder).is_dir():  # mlflow would log nothing, in silence
            raise BadSetting(f"there is no report in {folder}", "make it before it is logged")
        with self._run(self._experiment(f"fusion.{name}"), "fusion", params) as run:
            self._log_metrics(run, [metrics])
            self._client.log_artifacts(run.info.run_id, str(folder), REPORT)
        return run.info.run_id

    @cached_property
    def _client(self) -> Any:
        """mlflow's client; the first of all creates the database, alone."""
        for name in QUIET:
            os.environ.setdefault(name, "true")
        from mlflow import MlflowClient

        for chatter in ("alembic", "mlflow.store.db.utils"):
            logging.getLogger(chatter).setLevel(logging.WARNING)
        with self._alone():
            client = MlflowClient(self.uri, self.uri)
            client.search_registered_models(max_results=1)
        return client

    @property
    def _exists(self) -> bool:
        return self.database is None or self.database.exists()

    def _alone(self) -> AbstractContextManager[None]:
        """One process at a time. Over a server no lock reaches every machine: there, register from one at a time."""
        return only_writer(self.store) if self.database else nullcontext()

    def _is_whole(self, version: Version) -> bool:
        with suppress(TamperedArtifact):
            return bool(self.fetch(version))
        return False

    def _create(
        self, name: str, folder: Path, experiment: str, tags: Tags, metrics: Metrics
    ) -> Version:
        with self._run(experiment, "registration", {}) as run:
            self._log_metrics(run, [metrics])
            self._client.log_artifacts(run.info.run_id, str(folder), ENCODER)
        if not self._client.search_registered_models(f"name = '{name}'"):
            self._client.create_registered_model(name)
        source, tags = f"{run.info.artifact_uri}/{ENCODER}", flat(tags)
        return version_of(
            self._client.create_model_version(
                name, source, run.info.run_id, tags=tags, await_creation_for=0
            )
        )

    def _experiment(self, name: str) -> str:
        """The id of an experiment, created if need be. Its artifacts' place is absolute and for ever (mlflow/README.md)."""
        client, artifacts = self._client, self.store / "artifacts"
        with self._alone():
            found = client.get_experiment_by_name(name)
            if not found:
                return client.create_experiment(
                    name, (artifacts / name).as_uri() if self.database else None
                )
        if (
            self.database
            and artifacts not in (local_path(found.artifact_location) or artifacts).parents
        ):
            raise BadSetting(
                f"the store {self.store} keeps the files of '{name}' in {found.artifact_location}, expected {artifacts}",
                "move the store back to where it was made, or follow mlflow/README.md",
            )
        return found.experiment_id

    @contextmanager
    def _run(self, experiment: str, kind: str, params: Mapping[str, Any]) -> Iterator[Any]:
        from mlflow.entities import Param

        run = self._client.create_run(experiment, run_name=kind, tags={"kind": kind})
        status = "FAILED"
        try:
            given = [Param(k, v) for k, v in flat(params).items()]
            for i in range(0, len(given), PARAMS_A_BATCH):
                self._client.log_batch(run.info.run_id, params=given[i : i + PARAMS_A_BATCH])
            yield run
            status = "FINISHED"
        finally:
            self._client.set_terminated(run.info.run_id, status)

    def _log_metrics(self, run: Any, history: Sequence[Metrics]) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        steps = [(int(metrics.get("step", i)), metrics) for i, metrics in enumerate(history)]
        given = [
            Metric(k, float(v), now, step)
            for step, row in steps
            for k, v in row.items()
            if k != "step"
        ]
        for i in range(0, len(given), METRICS_A_BATCH):
            self._client.log_batch(run.info.run_id, metrics=given[i : i + METRICS_A_BATCH])

    def _judge(self, version: Version, verdict: str, reason: str) -> None:
        if not reason.strip():
            what = f"{version.name} version {version.version} cannot be {verdict} without a reason"
            raise BadSetting(what, "give one")
        for key, value in (("verdict", verdict), ("reason", reason)):
            self._client.set_model_version_tag(version.name, str(version.version), key, value)

    def _aliased(self, name: str, alias: str) -> Version | None:
        models = self._client.search_registered_models(f"name = '{name}'") if self._exists else []
        number = models[0].aliases.get(alias) if models else None
        return version_of(self._client.get_model_version(name, str(number))) if number else None

    def _local(self, uri: str, digest: str) -> Path:
        """Where the files of `uri` lie, downloaded once if they lie elsewhere."""
        if path := local_path(uri):
            return path
        from mlflow.artifacts import download_artifacts

        folder = self.store / "fetched" / digest
        with only_writer(folder.parent):
            if not folder.exists():
                with written_beside(folder) as temporary:
                    temporary.mkdir()
                    download_artifacts(
                        artifact_uri=uri, dst_path=str(temporary), tracking_uri=self.uri
                    )
        return folder / ENCODER
