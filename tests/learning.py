"""A training of f_m in a process of its own, for tests that kill it.

python tests/learning.py <root>      pretrain the maps in the project there, a line of progress a step
"""

import contextlib
import sys
from pathlib import Path

import pytest

from addend import checkpoint, modality
from addend.stages import pretrain, simulate
from addend.testing import maps

SETTINGS = {
    "simulate": {"seed": 1, "train": 3072, "calibrate": 256, "audit": 256},
    "pretrain": {
        "objective": "supervised_likelihood", "backbone": "convolution2d", "width": 8, "z": 3, "steps": 60, "batch": 64,
        "rate": 0.003,
    },
}  # fmt: skip


def project(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of maps, the only modality, with its simulations; the tests are in it."""
    monkeypatch.setattr(modality, "installed", lambda: {"toy": maps.Maps()})
    maps.lay_out(root, SETTINGS)
    monkeypatch.chdir(root)
    simulate.simulate("toy")
    return root


def main(root: Path) -> None:
    """Pretrain, with a checkpoint after every step."""
    modality.installed = lambda: {"toy": maps.Maps()}
    checkpoint.EVERY = -1.0
    with contextlib.chdir(root):
        pretrain.pretrain("toy")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
