"""What a registry's answers are made of: versions, local paths, flat settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from .errors import UnknownVersion


@dataclass(frozen=True)
class Version:
    """One registered encoder: the modality, the version's number, the encoder's digest and the run that holds its files."""

    name: str
    version: int
    digest: str
    run_id: str


def local_path(uri: str) -> Path | None:
    """The local path that a URI is, if it is one."""
    parts = urlparse(uri)
    return Path(url2pathname(parts.path)) if parts.scheme in ("", "file") else None


def version_of(found: Any) -> Version:
    return Version(found.name, int(found.version), found.tags.get("digest", ""), found.run_id)


def of_digest(versions: list[Version], what: str, digest: str, store: str) -> Version:
    """The one of that digest among the versions of a store; `UnknownVersion` if none is."""
    for version in versions:
        if version.digest == digest:
            return version
    raise UnknownVersion(
        f"no {what} {digest[:12]} is registered in {store}",
        "name the store that has it in MLFLOW_TRACKING_URI, or pin what is here with 'dvc repro'",
    )


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as `a.b` -> text."""
    found: dict[str, str] = {}
    for key, value in tree.items():
        inner = isinstance(value, Mapping)
        found |= flat(value, f"{prefix}{key}.") if inner else {prefix + key: str(value)}
    return found
