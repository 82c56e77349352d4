"""Artifacts made to harm whoever fuses them, each the kept encoder with one thing changed and its manifest signed again.

    python tests/hostile.py <folder>      load every encoder under the folder, watched; JSON of what came of each

`MADE` has a function for each, by what it tries. The watcher is Python's audit hook: it sees every file that is opened to be
written, every process, socket, pickle and evaluated text, whoever asks for it.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from addend import artifact
from addend.doors.verify import verify
from addend.errors import AddendError

KEPT = Path(__file__).parent / "fixtures" / "encoder-format-3"
MADE: dict[str, Callable[[Path], None]] = {}
LARGE = 10**13


def made(f: Callable[[Path], None]) -> Callable[[Path], None]:
    MADE[f.__name__] = f
    return f


def for_each(values: dict[str, Any]) -> Callable[[Callable[..., None]], None]:
    """One hostile encoder for each value."""

    def decorate(f: Callable[..., None]) -> None:
        for name, value in values.items():
            MADE[f"{f.__name__}: {name}"] = lambda folder, value=value: f(folder, value)

    return decorate


def sign(folder: Path, **changes: Any) -> None:
    """A manifest of the files as they are, with some parts changed."""
    stated = json.loads((folder / artifact.MANIFEST).read_text())
    files = {n: artifact.file_digest(folder / n) for n in stated["files"] if (folder / n).is_file()}
    text = json.dumps({**stated, "files": files, **changes})
    (folder / artifact.MANIFEST).write_text(text)


ACTS = (
    "os.",
    "subprocess.",
    "socket.",
    "pickle.",
    "shutil.",
    "ctypes.dlopen",
    "exec",
    "compile",
    "import",
)
HARMLESS = ("os.listdir", "os.scandir", "os.putenv", "import")


def watch(seen: list[str]) -> None:
    """From here on, write down whatever acts."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
        writes = writes or (
            event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if writes or (event.startswith(ACTS) and not event.startswith(HARMLESS)):
            seen.append(f"{event} {str(args)[:80]}")

    sys.addaudithook(hook)


def used(folder: Path) -> None:
    """Everything that fusing an encoder does with its files."""
    from addend.calibration import Record
    from addend.encoder import Encoder

    encoder = Encoder.load(folder)
    Record.of(encoder)
    encoder.space, encoder.schema  # noqa: B018
    verify(str(folder))


def main(folder: Path) -> None:
    """Use every encoder in the folder, the kept one first, so that all that is needed is imported before the watch."""
    used(KEPT)
    seen: list[str] = []
    watch(seen)
    found = {}
    for name in sorted(os.listdir(folder)):
        seen.clear()
        try:
            used(folder / name)
            said = "used"
        except AddendError as e:
            said = type(e).__name__
        except BaseException as e:
            said = f"not named: {type(e).__name__} {e}"
        found[name] = [said, list(seen)]
    np.testing.assert_equal(os.path.exists("acted"), False)
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
