"""One process a stage at a time, and none that outlives the DVC that started it.

A stage that is killed with its parent's shell in between, or whose parent is killed, would go on and overwrite what the
next run makes. So a stage that DVC runs dies with it: at once with its parent (Linux's PR_SET_PDEATHSIG), and with DVC
where a shell stands between. A verb by hand belongs to whoever typed it, and outlives a terminal if told so. Either way a
second of the same stage and name waits until the first has ended.
"""

import ctypes
import fcntl
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from . import places
from .names import plain

DVC_STAGE = "DVC_STAGE"  # in the environment of every command that DVC runs
PR_SET_PDEATHSIG = 1
SHELLS = {"sh", "dash", "bash", "zsh", "ksh", "fish", "busybox"}


@contextmanager
def alone(verb: str, name: str) -> Iterator[None]:
    """Wait to be the only process that runs this verb of this name in this project; said if there is another.

    The lock is a file in `data`; where there is no such folder yet, there is nothing to overwrite.
    """
    if not (places.ROOT / "data").is_dir():
        yield
        return
    path = places.ROOT / "data" / f".running-{verb}-{plain(name)}"
    handle = _held(path, f"{verb} of '{name}'")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def die_with_dvc() -> None:
    """If DVC runs this process, end it as DVC ends, also if a shell stands between them."""
    if DVC_STAGE in os.environ and sys.platform == "linux":
        for parent in _parents():
            die_with(parent)


def die_with(process: int) -> None:
    """End this process, by SIGKILL, as soon as that one is no more."""
    if process == os.getppid():
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        watched = os.pidfd_open(process)
    except ProcessLookupError:
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        threading.Thread(target=_await_end, args=[watched], daemon=True).start()


def _await_end(watched: int) -> None:
    select.select([watched], [], [])
    os.kill(os.getpid(), signal.SIGKILL)


def _parents() -> Iterator[int]:
    """The parent, and as long as one is a shell, its parent too."""
    process = os.getppid()
    while process > 1:
        yield process
        try:
            name = Path(f"/proc/{process}/comm").read_text().strip()
            process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it is no more: whoever watches it learns so
            return
        if name not in SHELLS:
            return


def _held(path: Path, what: str) -> int:
    """The handle of a lock file that this process alone holds; its content is the process's number."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.pread(handle, 20, 0).decode() or "another"
            print(f"addend: {what} runs already, as process {other}: waiting.", file=sys.stderr)
            fcntl.flock(handle, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                os.truncate(handle, 0)
                os.pwrite(handle, str(os.getpid()).encode(), 0)
                return handle
        os.close(handle)  # the one before removed the file as it ended
