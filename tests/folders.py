"""Folders: every byte of one, and one that a registry takes for an encoder."""

from pathlib import Path

from addend import artifact


def tree(folder: Path) -> dict[str, bytes]:
    """The content of every file, by its path."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def encoder(folder: Path, weights: str = "1") -> Path:
    """A folder that a registry takes for an encoder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "head.safetensors").write_text(weights)
    artifact.write_manifest(folder, {"name": "an encoder"}, ["head.safetensors"])
    return folder
