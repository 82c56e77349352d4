"""The files of an encoder: a manifest that states every other file's sha256.

Nothing here knows what the files mean, and no file is opened before its sha256 has been checked.
A manifest of an older format is read as one of today's: what it left unsaid is filled in, and its
digest stays.

    format 1    f_m was the standardisation of the columns, and that stood nowhere
    format 2    states what f_m makes: z, e, log_det, invertible
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .errors import TamperedArtifact, UnknownFormat

FORMAT = 2
MANIFEST = "manifest.json"
RECORD = "record.json"


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of an encoder's folder, after every file it names has been checked.

    Raises:
        TamperedArtifact: A file is missing or its sha256 is not the manifest's.
        UnknownFormat: It was written by another core.
    """
    path = Path(folder) / MANIFEST
    try:
        manifest = json.loads(path.read_text())
        form, known = manifest["format"], manifest["format"] in FORMATS
        files, name = manifest["files"].items(), manifest["name"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        what = f"{path} is not an encoder's manifest ({type(e).__name__})"
        raise TamperedArtifact(what, "fetch or register the encoder again") from None
    if not known:
        raise UnknownFormat(
            f"encoder '{name}' in {path.parent} has format {form!r}, "
            f"known are {', '.join(map(str, FORMATS))}",
            "install the core that wrote it, or train and register it with this one",
        )
    for file, expected in files:
        _require_digest(path.parent / file, name, expected)
    return FORMATS[form](manifest)


def write_manifest(folder: Path, facts: dict[str, Any], files: Sequence[str]) -> dict[str, Any]:
    """Write `facts` and the digests of `files` as the folder's manifest, and return it."""
    manifest = {
        "format": FORMAT,
        **facts,
        "files": {name: file_digest(Path(folder) / name) for name in files},
    }
    (Path(folder) / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return manifest


def _require_digest(path: Path, name: str, expected: str) -> None:
    found = file_digest(path) if path.exists() else "nothing"
    if found != expected:
        raise TamperedArtifact(
            f"{path.name} of encoder '{name}' has sha256 {found[:12]}, "
            f"its manifest says {expected[:12]}",
            "fetch or register the encoder again, and find out who changed it",
        )


def _from_1(manifest: dict[str, Any]) -> dict[str, Any]:
    schema = manifest.get("schema", {"observables": [], "covariates": []})
    z, e = len(schema["observables"]), len(schema["covariates"])
    return {**manifest, "z": z, "e": e, "log_det": True, "invertible": True}


FORMATS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: _from_1,
    FORMAT: lambda manifest: manifest,
}


def digest(folder: Path) -> str:
    """sha256 of the manifest, and through it of every file: what an encoder is known by."""
    return file_digest(Path(folder) / MANIFEST)


def file_digest(path: Path) -> str:
    """sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
