"""A pool of simulations is a set of observations whose rows also state the theta they were drawn at."""

from collections.abc import Sequence

import numpy as np

from .schema import Columns

THETA = "theta."
"""What the name of a column of theta begins with."""


def with_theta(columns: Columns, theta: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
    """`columns` and theta `(n, D)` as columns `theta.<name>`: the rows of a pool of simulations."""
    return {**columns, **{THETA + name: theta[:, d] for d, name in enumerate(names)}}


def theta_of(columns: Columns, names: Sequence[str]) -> np.ndarray:
    """theta `(n, D)` from the columns `theta.<name>` of a pool of simulations, in the order of `names`."""
    return np.stack([columns[THETA + name] for name in names], axis=1)
