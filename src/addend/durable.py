"""Writing that survives a kill: a reader sees the whole of a file or folder, or nothing of it.

Whatever is written goes to a temporary name beside its place, is synced to the disk and renamed: `written_beside`.
A folder that several processes write to has one writer at a time: `only_writer`.
"""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".tmp-"


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A temporary path; the file or folder made there takes the place of `path` when the block ends well.

    A file replaces the one before it. A folder needs its place free.
    """
    path = Path(path)
    temporary = _temporary(path)
    try:
        yield temporary
        for written in [temporary, *temporary.rglob("*")]:
            _sync(written)
        os.replace(temporary, path)
        _sync(path.parent)
    finally:
        _remove(temporary)


@contextmanager
def fresh_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to fill; it takes the place of `folder`, whatever was there, when the block ends well."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = _temporary(folder)
    new.mkdir()
    try:
        yield new
        if folder.exists():
            discard(folder)
        with written_beside(folder) as temporary:
            new.rename(temporary)
    finally:
        _remove(new)


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Wait to be the only writer in `folder`, made if need be. What is temporary there then is a killed one's, and goes."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for left in folder.glob(f"{TEMPORARY}*"):
            _remove(left)
        yield
    finally:
        os.close(handle)


def discard(folder: Path) -> None:
    """Remove a folder: at once for readers, then from the disk."""
    gone = _temporary(Path(folder))
    os.rename(folder, gone)
    _remove(gone)


def _temporary(path: Path) -> Path:
    return path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
