"""The files of an encoder: a manifest that states every other file's sha256.

Whoever made them may have meant harm, so that nothing is believed before it is checked: the manifest first, whole
(`manifest`), then that the folder holds the files it names and no others, all of them files and none a link, then their
sha256. Only JSON and numbers are among them, which can do nothing.

    format 1, 2    f_m was an archive of torch's, which runs code in whoever loads it: refused by name
    format 3       f_m and the coordinates are programs (`program`)
"""

import hashlib
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import TamperedArtifact, UnknownFormat, shown
from .manifest import FORMAT, require_fit
from .strict import strict

MANIFEST = "manifest.json"
RECORD = "record.json"
OLD = (1, 2)
LARGEST = {".json": 2**26, ".safetensors": 2**31}
"""Bytes of a file, by what it holds."""
AGAIN = "fetch or register the encoder again"
CHANGED = f"{AGAIN}, and find out who changed it"


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of an encoder's folder, after it and every file it names have been checked.

    Raises:
        TamperedArtifact: It is none; a file is missing, is none, is unlisted, or its sha256 is not the manifest's.
        UnfitManifest: It says what no manifest may say.
        UnknownFormat: It was written by another core.
    """
    path = Path(folder) / MANIFEST
    manifest = read_json(path, f"the manifest {path}")
    _require_known(manifest, path)
    require_fit(manifest, str(path))
    _require_listed(path.parent, manifest)
    for file, expected in manifest["files"].items():
        _require_digest(path.parent / file, manifest["name"], expected)
    return manifest


def write_manifest(folder: Path, facts: dict[str, Any], files: Sequence[str]) -> dict[str, Any]:
    """Write `facts` and the digests of `files` as the folder's manifest, and return it."""
    manifest = {
        "format": FORMAT,
        **facts,
        "files": {name: file_digest(Path(folder) / name) for name in files},
    }
    (Path(folder) / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return manifest


def read_json(path: Path, what: str) -> Any:
    """A file of JSON with finite numbers and no name stated twice; `TamperedArtifact` if it is none.

    Arguments:
        path: The file.
        what: What it is called in a sentence.
    """
    try:
        _require_file(path, what)
        return strict(path.read_text(encoding="utf8"))
    except (OSError, ValueError, RecursionError) as e:
        raise TamperedArtifact(f"{what} cannot be read ({type(e).__name__})", AGAIN) from None


def digest(folder: Path) -> str:
    """sha256 of the manifest, and through it of every file: what an encoder is known by."""
    path = Path(folder) / MANIFEST
    _require_file(path, f"the manifest {path}")
    return file_digest(path)


def file_digest(path: Path) -> str:
    """sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_known(manifest: Any, path: Path) -> None:
    form = manifest.get("format") if isinstance(manifest, dict) else None
    if isinstance(form, bool) or form not in (*OLD, FORMAT):
        raise UnknownFormat(
            f"the encoder in {path.parent} has format {shown(form)}, known is {FORMAT}",
            "install the core that wrote it, or train and register it with this one",
        )
    if form in OLD:
        raise UnknownFormat(
            f"the encoder in {path.parent} has format {form}, whose .pt2 archives run code in whoever loads them",
            "train and register it again with this core",
        )


def _require_listed(folder: Path, manifest: dict[str, Any]) -> None:
    """The folder holds what the manifest names, and no more."""
    found = set(os.listdir(folder)) - {MANIFEST}
    for name in sorted(found ^ set(manifest["files"])):
        said = "is not in its manifest" if name in found else "is missing"
        raise TamperedArtifact(f"{name!r} of encoder '{manifest['name']}' {said}", AGAIN)


def _require_file(path: Path, what: str) -> None:
    """Raise unless it is a file itself, of a size that such a file has."""
    most = LARGEST[path.suffix]
    try:
        found = os.lstat(path)
    except OSError:
        raise TamperedArtifact(f"{what} is missing", AGAIN) from None
    if not stat.S_ISREG(found.st_mode) or found.st_size > most:
        raise TamperedArtifact(f"{what} is no file of at most {most:,} bytes", AGAIN)


def _require_digest(path: Path, name: str, expected: str) -> None:
    what = f"{path.name} of encoder '{name}'"
    _require_file(path, what)
    if (found := file_digest(path)) != expected:
        raise TamperedArtifact(
            f"{what} has sha256 {found[:12]}, its manifest says {expected[:12]}",
            CHANGED,
        )
