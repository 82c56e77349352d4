"""Run the drills; the figures are printed and kept as `benchmarks/results/drills.json`."""

import argparse
import contextlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import mlflow.store.model_registry.sqlalchemy_store
import mlflow.store.tracking.sqlalchemy_store  # noqa: F401 (once for all children)
import torch

from benchmarks import record

from . import kills, tampering
from .project import Count, build, ended, forked

SEED = 1
FEW = 5
"""Fewer trials than these are a first look, kept beside."""


def drills(trials: int, rng: random.Random) -> Iterator[Count]:
    """One drill after the other, cheap ones first."""
    for kind in tampering.kinds():
        yield tampering.tampered(kind, 4 * trials, rng)
    yield tampering.no_rename(trials)
    yield tampering.full_disk(trials, rng)
    yield kills.ingests_at_once(trials)
    yield kills.ingested(trials, rng)
    for verb in kills.FUSED:
        yield kills.stage(verb, trials, rng)
    for verb in ("gather", "evaluate"):
        yield kills.at_once(verb, trials)
    yield kills.registration(trials, rng)
    yield kills.orphans(max(2, trials // 4))


def main() -> int:
    """Status 1 if anything was lost, doubled, left over, or unnamed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drills", description=__doc__)
    parser.add_argument("--trials", type=int, default=10, help="of a drill; bytes: four times that")
    trials = parser.parse_args().trials
    torch.set_num_threads(1)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    rows, began = [], time.monotonic()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        if ended(forked(lambda: build(Path(folder)))):
            raise RuntimeError("the project of the drills could not be built")
        for count in drills(trials, random.Random(SEED)):
            rows.append(asdict(count))
            print(" ".join(f"{k} {v}" if k != "drill" else f"{v:44}" for k, v in rows[-1].items()))
            sys.stdout.flush()
    seconds = round(time.monotonic() - began)
    record.write("drills", trials < FEW, rows, seed=SEED, trials=trials, seconds=seconds)
    total = {k: sum(row[k] for row in rows) for k in rows[0] if k != "drill"}
    print(" ".join(f"{k} {v}" if k != "drill" else "" for k, v in total.items()), f"in {seconds} s")
    return int(total["survived"] < total["tried"] or any(list(total.values())[2:]))


if __name__ == "__main__":
    sys.exit(main())
