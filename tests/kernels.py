"""A small project run from simulate to register in its own process, under one BLAS kernel.

    python tests/kernels.py <folder> <modality> ...     lay the project out there and run its stages

OpenBLAS picks its kernel by the processor, and other kernels add in another order.
`OPENBLAS_CORETYPE` picks one by name.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import yaml

from addend.artifact import file_digest

HERE = Path(__file__).resolve().parent.parent
STAGES = ("observe", "simulate", "pretrain", "finetune", "calibrate", "register")
WRITTEN = ("simulations", "encoders", "pins")
KERNEL = "kernel"
SETTINGS = {
    "simulate": {"seed": 1, "train": 4000, "calibrate": 3000, "audit": 400},
    "pretrain": {"objective": "standardise"},
    "finetune": {
        "head": "flow", "hidden": [16, 16], "shape": [8], "components": 2, "seed": 1,
        "steps": [60, 20, 20], "batch": [256, 256, 256], "rate": [0.01, 0.003, 0.0003],
    },
    "calibrate": {"seed": 1, "expected": 5, "cells": 4, "simulations": 800, "datasets": 64, "points": 128},
    "register": {"trust": 0, "normalisation": 10, "coverage": 1, "curvature": 10, "information": 1.0},
}  # fmt: skip


def lay_out(root: Path, names: tuple[str, ...]) -> Path:
    """A project of these modalities, with settings of seconds."""
    root.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "parameters.yaml", root)
    for name in names:
        (folder := root / "modalities" / name).mkdir(parents=True)
        (folder / "params.yaml").write_text(yaml.safe_dump(SETTINGS))
        if (own := HERE / "modalities" / name / "parameters.yaml").exists():
            shutil.copy(own, folder)
    return root


def digests(root: Path) -> dict[str, str]:
    """sha256 of every file that the stages wrote, by its path."""
    found = [p for part in WRITTEN for p in (root / "data" / part).rglob("*") if p.is_file()]
    return {str(p.relative_to(root)): file_digest(p) for p in sorted(found)}


def fingerprint() -> bytes:
    """Eigenvectors by LAPACK, in whose last digits the kernel shows."""
    a = np.random.default_rng(0).standard_normal((50, 7))
    return np.linalg.eigh(a.T @ a)[1].tobytes()


def run_under(kernel: str, root: Path, names: tuple[str, ...]) -> dict[str, str]:
    """What the stages write in `root` under a kernel of OpenBLAS, '' being its own choice."""
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    environment |= {"OPENBLAS_CORETYPE": kernel} if kernel else {}
    environment |= {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    subprocess.run(
        [sys.executable, __file__, str(root), *names],
        env=environment | {"OPENBLAS_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    return digests(root)


def main(root: Path, names: tuple[str, ...]) -> None:
    """Lay the project out and run every stage of every modality."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    root.mkdir(parents=True, exist_ok=True)
    (root / KERNEL).write_bytes(fingerprint())
    with contextlib.chdir(lay_out(root, names)):
        for name in names:
            for stage in STAGES:
                getattr(import_module(f"addend.stages.{stage}"), stage)(name)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), tuple(sys.argv[2:]))
