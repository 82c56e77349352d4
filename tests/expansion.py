"""A made-up set of expansion rates, and whether two are the same."""

import numpy as np

from addend.modality import Columns, Field, Schema

ERROR = Field("error", "km/s/Mpc", "error of H", positive=True)
SCHEMA = Schema((Field("H", "km/s/Mpc", "expansion rate"),), (Field("z", "1", "redshift"), ERROR))
ATTRS = {"modality": "toy", "set": "first", "mock": False}


def rows(n: int = 10, seed: int = 0) -> Columns:
    """n of them."""
    rng = np.random.default_rng(seed)
    return {"H": rng.normal(70, 5, n), "z": rng.random(n), "error": 1 + rng.random(n)}


def same(a: Columns, b: Columns) -> bool:
    """The same columns with the same values."""
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)
