"""Writing that survives a kill: a reader sees the whole of a file or folder, or nothing of it.

Whatever is written goes to a temporary place beside its own, is synced to the disk and renamed: `written_beside`, and of a
folder that takes the place of another `fresh_folder`. A folder that several processes write to has one writer at a time:
`only_writer`.

A temporary place is a folder `.tmp-<32 hex digits>` that its process holds locked as long as it lives. One that nobody
holds is a killed one's, and whoever writes beside it next removes it.
"""

import errno
import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import FullDisk, UnusablePath

TEMPORARY = ".tmp-"
OURS = re.compile(r"\.tmp-[0-9a-f]{32}")
FULL = (errno.ENOSPC, errno.EDQUOT)
SAYS_FULL = ("No space left on device", "database or disk is full", "os error 28")


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A temporary path; the file or folder made there takes the place of `path` when the block ends well.

    A file replaces the one before it. A folder needs its place free.

    Raises:
        FullDisk: There is no room for it. What stood there before stands there still.
    """
    path = Path(path)
    with _temporary(path.parent) as held:
        temporary = held / path.name
        yield temporary
        _sync_all(temporary)
        rename(temporary, path)
        _sync(path.parent)


@contextmanager
def fresh_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to fill; it takes the place of `folder`, whatever was there, when the block ends well.

    Of several processes that fill one, the last to end is the one that stays. Raises `FullDisk` as `written_beside` does.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(folder.parent) as held:
        new = held / folder.name
        new.mkdir()
        yield new
        _sync_all(new)
        with _locked(folder.parent):
            if folder.exists():
                rename(folder, held / "before")
            rename(new, folder)
            _sync(folder.parent)


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Wait to be the only writer in `folder`, made if need be."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        _sweep(folder)
        yield


def discard(folder: Path) -> None:
    """Remove a folder: at once for readers, then from the disk."""
    folder = Path(folder)
    with _temporary(folder.parent) as held:
        rename(folder, held / "before")


def rename(source: Path, target: Path) -> None:
    """Rename; where the file system cannot (a container's layers answer EXDEV), copy beside, sync and rename the copy."""
    try:
        os.replace(source, target)
    except OSError as e:
        if e.errno != errno.EXDEV:
            raise
        with _temporary(target.parent) as held:
            copy = held / "copy"
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, copy)
            _sync_all(copy)
            os.replace(copy, target)
        _remove(source)


def says_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, is that of a full disk."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        if any(words in str(error) for words in SAYS_FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


def full_disk(folder: Path) -> FullDisk:
    """The mistake of writing where there is no room."""
    what = f"the disk is full, nothing of what was to be written in {folder} is there"
    return FullDisk(what, "make room and run the command again")


@contextmanager
def _temporary(parent: Path) -> Iterator[Path]:
    """A folder of this process in `parent`, gone when the block ends; those of killed processes go before it begins."""
    _sweep(parent)
    try:
        path, handle = _claimed(parent)
    except OSError as e:
        if says_full(e):
            raise full_disk(parent) from e
        raise
    try:
        yield path
    except Exception as e:
        if says_full(e):
            raise full_disk(parent) from e
        raise
    finally:
        _remove(path)
        os.close(handle)


def _claimed(parent: Path) -> tuple[Path, int]:
    """A new folder, and the handle that holds its lock. Between the two another process may take it for a killed one's."""
    while True:
        path = parent / f"{TEMPORARY}{uuid.uuid4().hex}"
        path.mkdir()
        with suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if path.exists():
                return path, handle
            os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove the temporaries in `folder` that no living process holds."""
    for left in folder.glob(f"{TEMPORARY}*"):
        if not OURS.fullmatch(left.name):
            continue
        with suppress(FileNotFoundError, BlockingIOError):
            handle = os.open(left, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(left)
            finally:
                os.close(handle)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync_all(path: Path) -> None:
    for written in [path, *path.rglob("*")]:
        _sync(written)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def os_errors_named() -> Iterator[None]:
    """What the system says of a file or a full disk is a mistake like any other."""
    try:
        yield
    except BrokenPipeError:  # whoever read the output has read enough
        raise
    except OSError as e:
        if says_full(e):
            raise full_disk(Path()) from e
        raise UnusablePath(
            f"{e.filename or 'a file'} cannot be used ({e.strerror or e})",
            "see that it is there, is what it should be, and may be read and written",
        ) from e
