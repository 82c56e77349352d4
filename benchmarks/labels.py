"""How many labelled simulations an f_m needs, with and without observations that carry no label: `python -m benchmarks labels`.

Maps of a Gaussian field of 16 by 16 pixels, whose log p is known (`addend.testing.maps`). N pairs (theta, x), N = 10^3 to 10^5:

    labels        f_m by supervised ratio on half of them, g_m on the other half
    <objective>   f_m without labels, on 10^5 maps whose theta is not told; g_m on all but a fiftieth of the N

and the mean part of the Fisher information that psi keeps, true score against psi's over all cells (`calibration.information`),
over seeds. The stages are those of any modality, in a folder that is thrown away.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from addend import places, shards
from addend.calibration import Record
from addend.stages import calibrate, finetune, pretrain, simulate
from addend.testing import maps

from .record import cpu, elsewhere, table, write

SIZES, SEEDS, WITHOUT = (1_000, 10_000, 100_000), 5, 100_000
OBJECTIVES = ("supervised_ratio", "masked", "infonce")


class Maps(maps.Maps):
    """The maps, of which a shift and a mirror image are as likely."""

    def augment(self, x: torch.Tensor, c: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Moved round both ways, as far for all rows of a batch, and mirrored."""
        seen = x.reshape(-1, maps.SIDE, maps.SIDE)
        by = torch.randint(maps.SIDE, (2,), generator=generator, device=generator.device).tolist()
        seen = seen.roll(by, (1, 2))
        mirrored = (
            torch.rand(len(x), 1, 1, generator=generator, device=generator.device).to(x) < 0.5
        )
        return torch.where(mirrored, seen.flip(2), seen).reshape(x.shape)


def run(quick: bool) -> None:
    """Measure, print and keep."""
    sizes, seeds = ((1_000,), 1) if quick else (SIZES, SEEDS)
    rows = []
    for n in sizes:
        for objective in OBJECTIVES:
            rows.append(_over_seeds(objective, n, seeds))
            print(table(rows[-1:]), flush=True)
            write("labels", quick, rows)
    print(table(rows))


def _over_seeds(objective: str, n: int, seeds: int) -> dict[str, Any]:
    with cpu() as clock:
        kept = [_kept(objective, n, seed) for seed in range(1, seeds + 1)]
    return {
        "f_m": "labels" if objective == "supervised_ratio" else objective, "labelled": n,
        "information kept": float(np.mean(kept)), "spread": float(np.std(kept)), "least": min(kept),
        "cpu s a run": clock.seconds / seeds,
    }  # fmt: skip


def _kept(objective: str, n: int, seed: int) -> float:
    """The part of the information that psi keeps, of one training."""
    with elsewhere(toy=Maps()):
        maps.lay_out(Path(), _settings(objective, n, seed))
        simulate.simulate("toy")
        if objective != "supervised_ratio":
            _observe(seed)
        for stage in (pretrain.pretrain, finetune.finetune, calibrate.calibrate):
            stage("toy")
        said = json.loads((places.encoder("toy", "record") / "record.json").read_text())
        return float(Record.from_dict(said).summary()["information_kept"])


def _settings(objective: str, n: int, seed: int) -> dict[str, Any]:
    blind = objective != "supervised_ratio"
    learn: dict[str, Any] = {
        "objective": objective, "backbone": "convolution2d", "width": 32, "z": 3, "seed": seed,
        "steps": 500, "batch": 128, "rate": 0.003, "share": 0.02 if blind else 0.5,
    }  # fmt: skip
    return {
        "simulate": {"seed": seed, "train": n, "calibrate": 4096, "audit": 256},
        "pretrain": learn | ({"unlabelled": ["sky"]} if blind else {}),
        "finetune": {
            "hidden": [16, 16], "shape": [16], "components": 2, "seed": seed,
            "steps": [400, 200, 200], "batch": [512, 512, 1024], "rate": [0.003, 0.003, 0.0003],
        },
        "calibrate": {"seed": seed, "expected": 2, "cells": 8, "simulations": 1000, "datasets": 64, "points": 64},
        "register": {},
    }  # fmt: skip


def _observe(seed: int) -> None:
    """Maps at thetas of the prior, as observations: nobody is told which."""
    rng, law = np.random.default_rng([seed, 7]), Maps()
    low, high = (np.array([p[k] for p in maps.PARAMETERS.values()]) for k in ("low", "high"))
    theta = rng.uniform(low, high, (WITHOUT, 2))
    covariates = law.covariates(WITHOUT, rng)
    parts = (
        {
            **law.simulate(theta[i : i + 2**14], {}, rng),
            **{k: v[i : i + 2**14] for k, v in covariates.items()},
        }
        for i in range(0, WITHOUT, 2**14)
    )
    facts = {"modality": "toy", "set": "sky", "mock": True}
    shards.write_parts(places.observations("toy", "sky"), parts, law.schema, facts)
