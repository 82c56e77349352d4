"""Progress of long work: a bar with rate and time left on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

EVERY = 10.0


@contextmanager
def progress(what: str, total: int, unit: str = "steps") -> Iterator[Callable[..., None]]:
    """A function `update(done, note="")` to call while the work goes on.

    Arguments:
        what: What is being done.
        total: How much of it there is.
        unit: Of what.
    """
    console = Console(stderr=True)
    yield from (_bar if console.is_terminal else _lines)(console, what, total, unit)


def _bar(console: Console, what: str, total: int, unit: str) -> Iterator[Callable[..., None]]:
    what_and_how_far = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
    )
    columns = (*what_and_how_far, TimeRemainingColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total, note="")
        yield lambda done, note="": bar.update(task, completed=done, note=note)


def _lines(console: Console, what: str, total: int, unit: str) -> Iterator[Callable[..., None]]:
    start = last = time.monotonic()

    def update(done: int, note: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= EVERY and done:
            last, rate = now, done / (now - start)
            left = (total - done) / rate
            line = f"{what}: {done:,} of {total:,} {unit}, {rate:,.0f}/s, {left:.0f} s left {note}"
            print(line.rstrip(), file=sys.stderr, flush=True)

    yield update
    print(
        f"{what}: {total:,} {unit} in {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True
    )
