"""Pools of simulations: joint draws of theta, covariates and observables, as a design says."""

import numpy as np

from . import shards, sobol
from .modality import Modality
from .parameters import ParameterSpace
from .progress import progress

CHUNK = 2**18


def draw(
    modality: Modality, space: ParameterSpace, n: int, design: str, seed: list[int], what: str
) -> dict[str, np.ndarray]:
    """n joint draws of theta, covariates and observables as columns: a `sobol` design, or `independent`."""
    chunks = []
    with progress(what, n, "rows") as update:
        for start in range(0, n, CHUNK):
            rows = min(CHUNK, n - start)
            make = sobol.simulate if design == "sobol" else _independent
            theta, columns = make(modality, space, rows, seed, start)
            chunks.append(shards.with_theta(columns, theta, modality.parameters))
            update(start + rows)
    return {k: np.concatenate([chunk[k] for chunk in chunks]) for k in chunks[0]}


def _independent(
    modality: Modality, space: ParameterSpace, n: int, seed: list[int], start: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng([*seed, start])
    theta, covariates = space.draw(n, rng), modality.covariates(n, rng)
    return theta, {**modality.simulate(theta, covariates, rng), **covariates}
