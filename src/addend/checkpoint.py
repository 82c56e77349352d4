"""A training that may be killed: what it goes on from, in one file, written every minute and at SIGTERM.

A file holds tensors and numbers as JSON, and says of which training it is: no other goes on from it. It is written beside its
name and renamed, so that a kill at any moment leaves the one before.
"""

import json
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from .durable import written_beside
from .errors import OtherCheckpoint

EVERY = 60.0
"""Seconds from one to the next."""
Tensors = Mapping[str, Tensor]


class Checkpoint:
    """The file of one training.

    Arguments:
        path: Where it is; None for a training that keeps nothing.
        of: What it is a training of, in words that differ where data, settings or networks do.
    """

    def __init__(self, path: Path | None, of: str):
        self.path, self.of, self.last = path, of, time.monotonic()

    @property
    def due(self) -> bool:
        """Whether a minute has passed."""
        return self.path is not None and time.monotonic() - self.last > EVERY

    def write(self, tensors: Tensors, said: Mapping[str, Any]) -> None:
        """Keep tensors and numbers in the place of those before."""
        if self.path is None:
            return
        kept = {name: x.detach().cpu().contiguous().clone() for name, x in tensors.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(self.path) as temporary:
            save_file(kept, temporary, {"state": json.dumps({**said, "of": self.of})})
        self.last = time.monotonic()

    def read(self, device: str = "cpu") -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """What is kept, if it is of this training; that of another is removed, and that is said."""
        if self.path is None or not self.path.exists():
            return None
        with safe_open(self.path, "pt", device=device) as file:
            said = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        if said["of"] == self.of:
            return tensors, said
        self.path.unlink()
        warnings.warn(
            f"{self.path} is of a training with other simulations or settings: removed, this one begins at the start.",
            OtherCheckpoint,
            stacklevel=2,
        )
        return None


@contextmanager
def at_sigterm() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM has come; nothing else is done about it meanwhile."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # no other may listen to signals
        yield lambda: False
        return

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield lambda: bool(came)
    finally:
        signal.signal(signal.SIGTERM, before)
