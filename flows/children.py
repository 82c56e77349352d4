"""Commands as children: their lines passed on as they come, their process group ended with the parent."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

CONTENTION = ("Unable to acquire lock", "is busy, it is being blocked by")
ADVICE = (
    "To track the changes with git",
    "git add ",
    "To enable auto staging",
    "dvc config core.autostage",
    "Use `dvc push`",
)
TIED = Path(__file__).with_name("tied.py")
_running: set[subprocess.Popen[str]] = set()


class StageFailed(RuntimeError):
    """A stage's command left with a status other than 0."""


class StoreBusy(StageFailed):
    """Another DVC process held a lock: worth another try."""


def repro(address: str, log: Callable[[str], None]) -> None:
    """Run one stage as `dvc repro --single-item` does, each line it prints given to `log`.

    Raises:
        StoreBusy: Another process held DVC's lock or one of the stage's paths.
        StageFailed: The stage's command failed; the message ends with the last lines it printed.
    """
    tied = [sys.executable, "-P", str(TIED), str(os.getpid())]
    status, tail = stream([*tied, "repro", "--single-item", address], log)
    if status != 0:
        busy = any(sign in line for line in tail for sign in CONTENTION)
        raise (StoreBusy if busy else StageFailed)(
            f"stage {address} left with status {status}\n" + "\n".join(tail)
        )


def stream(command: list[str], log: Callable[[str], None], keep: int = 20) -> tuple[int, list[str]]:
    """Run a command in a process group of its own; returns its exit status and its last `keep` lines."""
    tail: deque[str] = deque(maxlen=keep)
    with _start(command) as child:
        _running.add(child)
        for line in child.stdout or ():
            if (text := line.rstrip()) and not text.lstrip().startswith(ADVICE):
                tail.append(text)
                log(text)
    _running.discard(child)
    return child.returncode, list(tail)


def stop() -> None:
    """End every child that still runs, with all that it started."""
    for child in list(_running):
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)


def environment() -> dict[str, str]:
    """The environment of a child: this interpreter's scripts come first, and nothing waits in a buffer."""
    here = str(Path(sys.executable).parent)
    return os.environ | {
        "PATH": here + os.pathsep + os.environ.get("PATH", os.defpath),
        "PYTHONUNBUFFERED": "1",
    }


def _start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
