"""What every benchmark leaves behind: a table on the screen, and JSON with the machine and the versions it ran on."""

import json
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from addend import modality
from addend.modality import Modality

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("addend", "torch", "numpy", "scipy", "zuko", "sbi", "sbibm")


class Clock:
    """CPU seconds of this process since the block began."""

    def __init__(self):
        self.start, self.seconds = time.process_time(), 0.0


@contextmanager
def cpu():
    """`with cpu() as clock: ...` leaves the CPU seconds of the block in `clock.seconds`."""
    clock = Clock()
    yield clock
    clock.seconds = time.process_time() - clock.start


@contextmanager
def elsewhere(**modalities: Modality) -> Iterator[None]:
    """In a folder that is thrown away, with these modalities and no others."""
    known = modality.installed
    modality.installed = lambda: modalities
    try:
        with tempfile.TemporaryDirectory() as scratch, chdir(scratch):
            yield
    finally:
        modality.installed = known


def write(name: str, quick: bool, rows: list[dict], **facts) -> Path:
    """Keep the rows of a table under `results/`, a quick run beside a full one."""
    RESULTS.mkdir(exist_ok=True)
    path = _path(name, quick)
    content = {
        "benchmark": name,
        "quick": quick,
        "when": datetime.now(UTC).isoformat("T", "seconds"),
        **machine(),
        **facts,
        "rows": rows,
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path


def read(name: str, quick: bool = False) -> dict | None:
    """What `write` kept last, None if nothing."""
    path = _path(name, quick)
    return json.loads(path.read_text()) if path.exists() else None


def machine() -> dict:
    """Processor, threads and versions."""
    return {
        "machine": _processor(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": _versions(),
    }


def table(rows: list[dict]) -> str:
    """Rows as aligned text, columns as in the first."""
    columns = list(rows[0])
    cells = [[text(row.get(c)) for c in columns] for row in rows]
    widths = [max(len(c), *(len(row[i]) for row in cells)) for i, c in enumerate(columns)]
    lines = [columns, *cells]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def text(value) -> str:
    """A figure of a table."""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1e4 else f"{value:.2e}"
    return "-" if value is None else str(value)


def _path(name: str, quick: bool) -> Path:
    return RESULTS / f"{name}{'.quick' if quick else ''}.json"


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    lines = (
        [line for line in known.read_text().splitlines() if line.startswith("model name")]
        if known.exists()
        else []
    )
    return lines[0].split(":")[1].strip() if lines else platform.processor()


def _versions() -> dict:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
