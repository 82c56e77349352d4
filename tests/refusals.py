"""What a refusal must leave as it was."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def tree(root: Path) -> dict[str, str]:
    """sha256 of every file, by its path."""
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(root.rglob("*"))
        if p.is_file()
    }


@contextmanager
def changed(path: Path, new: bytes) -> Iterator[None]:
    """A file with another content for a while."""
    old = path.read_bytes()
    path.write_bytes(new)
    try:
        yield
    finally:
        path.write_bytes(old)
