"""Pools of simulations: joint draws of theta, covariates and observables, as a design says.

They are drawn in chunks, each of which is written before the next is drawn. How many rows these have, the schema alone decides
(`Schema.rows_at_once`), never the machine.
"""

from collections.abc import Iterator

import numpy as np

from . import sobol
from .modality import Modality
from .parameters import ParameterSpace
from .pools import with_theta
from .progress import progress


def draw(
    modality: Modality, space: ParameterSpace, n: int, design: str, seed: list[int], what: str
) -> Iterator[dict[str, np.ndarray]]:
    """n joint draws of theta, covariates and observables as columns, in chunks: a `sobol` design, or `independent`."""
    chunk = modality.schema.rows_at_once
    make = sobol.simulate if design == "sobol" else _independent
    with progress(what, n, "rows") as update:
        for start in range(0, n, chunk):
            rows = min(chunk, n - start)
            theta, columns = make(modality, space, rows, seed, start)
            yield with_theta(columns, theta, modality.parameters)
            update(start + rows)


def _independent(
    modality: Modality, space: ParameterSpace, n: int, seed: list[int], start: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng([*seed, start])
    theta, covariates = space.draw(n, rng), modality.covariates(n, rng)
    return theta, {**modality.simulate(theta, covariates, rng), **covariates}
