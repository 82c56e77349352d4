"""The files of an encoder: a manifest that states every other file's sha256.

Nothing here knows what the files mean, and no file is opened before its sha256 has been checked.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from .errors import TamperedArtifact

FORMAT = 1
MANIFEST = "manifest.json"
RECORD = "record.json"


def read_manifest(folder: Path) -> dict:
    """The manifest of an encoder's folder, after every file it names has been checked.

    Raises:
        TamperedArtifact: A file is missing or its sha256 is not the manifest's.
    """
    path = Path(folder) / MANIFEST
    try:
        manifest = json.loads(path.read_text())
        files, name = manifest["files"].items(), manifest["name"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        what = f"{path} is not an encoder's manifest ({type(e).__name__})"
        raise TamperedArtifact(what, "fetch or register the encoder again") from None
    for file, expected in files:
        found = file_digest(path.parent / file) if (path.parent / file).exists() else "nothing"
        if found != expected:
            raise TamperedArtifact(
                f"{file} of encoder '{name}' has sha256 {found[:12]}, its manifest says {expected[:12]}",
                "fetch or register the encoder again, and find out who changed it",
            )
    return manifest


def write_manifest(folder: Path, facts: dict, files: Sequence[str]) -> dict:
    """Write `facts` and the digests of `files` as the folder's manifest, and return it."""
    manifest = {
        "format": FORMAT,
        **facts,
        "files": {name: file_digest(Path(folder) / name) for name in files},
    }
    (Path(folder) / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return manifest


def digest(folder: Path) -> str:
    """sha256 of the manifest, and through it of every file: what an encoder is known by."""
    return file_digest(Path(folder) / MANIFEST)


def file_digest(path: Path) -> str:
    """sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
