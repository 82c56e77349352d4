"""Programs beside torch's own archives of the same modules: are the numbers the same, and what do loading and running cost?

Each module is written in both forms, loaded, and run on the same rows in one process, turn by turn; the time of a form is the
least of its turns. The archives are made here and loaded here: nobody else's are opened.
"""

import io
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from addend.modality import Modality, installed
from addend.parameters import read_agreement
from addend.pretrain import standardise
from addend.program import load
from addend.program.tracing import export

from .record import table, write

ROWS, TURNS = 20_000, 15
ROOT = Path(__file__).resolve().parent.parent


class Maps(nn.Module):
    """Maps of 32 by 32 to eight features."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.SiLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.SiLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 8),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x.reshape(-1, 1, 32, 32))


def run(quick: bool) -> None:
    """Print the table and keep it."""
    torch.manual_seed(0)
    found = [
        (f"{name}: {part}", *made)
        for name, modality in installed().items()
        for part, made in _networks(modality).items()
    ]
    found.append(("a convolutional network", Maps().double(), (torch.randn(500, 1024).double(),)))
    rows = [
        _compared(name, module, inputs, 3 if quick else TURNS) for name, module, inputs in found
    ]
    print(table(rows))
    write("programs", quick, rows)


def _networks(modality: Modality) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
    """f_m and the coordinates of a modality that ships, with rows to run them on."""
    rng = np.random.default_rng(1)
    theta = read_agreement(ROOT).subset(modality.parameters).draw(ROWS, rng)
    known = modality.covariates(ROWS, rng)
    columns = {**known, **modality.simulate(theta, known, rng)}
    f = standardise(modality.schema, columns).module
    x, c = (torch.from_numpy(a(columns)) for a in (modality.schema.x, modality.schema.c))
    phi = modality.coordinates().double()
    return {"f": (f, (x, c)), "coordinates": (phi, (torch.from_numpy(theta),))}


def _compared(
    name: str, module: nn.Module, inputs: tuple[Tensor, ...], turns: int
) -> dict[str, Any]:
    examples = [x[:8] for x in inputs]
    with tempfile.TemporaryDirectory() as folder:
        export(module, Path(folder) / "network", *examples)
        archive = _archive(module, examples)
        loads: list[Callable[[], Any]] = [
            lambda: load(Path(folder) / "network"),
            lambda: torch.export.load(io.BytesIO(archive)).module(),
        ]
        loading, forms = zip(*(_least(made, turns) for made in loads), strict=True)
    running = [_least(partial(form, *inputs), turns) for form in forms]
    return {
        "network": name,
        "same bits": _same(running[0][1], running[1][1]),
        "load ms": 1e3 * loading[0],
        "archive ms": 1e3 * loading[1],
        "load ratio": loading[0] / loading[1],
        "run ratio": running[0][0] / running[1][0],
    }


def _least(make: Callable[[], Any], turns: int) -> tuple[float, Any]:
    """The least seconds of some turns, and what the last one made."""
    seconds, made = [], None
    for _ in range(turns):
        start = time.perf_counter()
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = make()
        seconds.append(time.perf_counter() - start)
    return min(seconds), made


def _archive(module: nn.Module, examples: list[Tensor]) -> bytes:
    batch, buffer = torch.export.Dim("batch"), io.BytesIO()
    shapes = tuple({0: batch} for _ in examples)
    traced = torch.export.export(module.eval(), tuple(examples), dynamic_shapes=shapes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(traced, buffer)
    return buffer.getvalue()


def _same(ours: Any, theirs: Any) -> bool:
    pairs = zip(*(x if isinstance(x, tuple) else (x,) for x in (ours, theirs)), strict=True)
    return all(
        torch.equal(a, b) if isinstance(a, Tensor) and isinstance(b, Tensor) else a is b
        for a, b in pairs
    )
