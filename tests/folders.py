"""Folders: every byte of one, and one that a registry takes for an encoder."""

import json
from pathlib import Path

from addend import artifact
from addend.manifest import NEEDED

KEPT = Path(__file__).parent / "fixtures" / "encoder-format-3"


def tree(folder: Path) -> dict[str, bytes]:
    """The content of every file, by its path."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def encoder(folder: Path, weights: str = "1", name: str = "bao") -> Path:
    """A folder that a registry takes for an encoder of that name: the kept one's manifest, and files that it never opens."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in NEEDED:
        (folder / file).write_text(weights)
    kept = json.loads((KEPT / artifact.MANIFEST).read_text())
    facts = {k: v for k, v in kept.items() if k not in ("format", "files")} | {"name": name}
    artifact.write_manifest(folder, facts, NEEDED)
    return folder
