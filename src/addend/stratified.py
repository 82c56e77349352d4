"""Mirrored noise: a generator whose second half of every draw mirrors the first (antithetic variates).

A simulator that is handed theta and covariates twice over, and this generator in place of numpy's, returns pairs of
observations with opposite noise: normal deviates change sign, uniform ones become 1 - u. Each observation alone follows
the same law as ever; together, what is linear in the noise cancels. (Hammersley and Morton 1956.)
"""

from functools import partial

import numpy as np


class Mirrored:
    """Wraps a generator for simulations of `n` rows, of which the last n/2 mirror the first n/2.

    Only draws with an axis of n rows are mirrored, and only normal and uniform ones; any other is made as usual.
    """

    def __init__(self, rng: np.random.Generator, n: int):
        self._rng, self._n = rng, n

    def standard_normal(self, size=None):
        """As numpy's, mirrored through 0."""
        return self._halves(self._rng.standard_normal, np.negative, size)

    def random(self, size=None):
        """As numpy's, mirrored through 1/2."""
        return self._halves(self._rng.random, lambda u: 1 - u, size)

    def normal(self, loc=0.0, scale=1.0, size=None):
        """As numpy's, mirrored through loc."""
        return loc + scale * self.standard_normal(np.broadcast_shapes(np.shape(loc), np.shape(scale)) if size is None else size)

    def uniform(self, low=0.0, high=1.0, size=None):
        """As numpy's, mirrored through the middle."""
        return low + (np.asarray(high) - low) * self.random(np.broadcast_shapes(np.shape(low), np.shape(high)) if size is None else size)

    def __getattr__(self, name):
        return getattr(self._rng, name)

    def _halves(self, draw, mirror, size):
        shape = () if size is None else tuple(np.atleast_1d(size))
        axis = next((a for a, length in enumerate(shape) if length == self._n), None)
        if axis is None or self._n % 2:
            return draw(size)
        half = draw(shape[:axis] + (self._n // 2,) + shape[axis + 1 :])
        return np.concatenate([half, mirror(half)], axis=axis)


def simulate(modality, theta: np.ndarray, covariates: dict, rng: np.random.Generator) -> tuple[np.ndarray, dict]:
    """Two mirrored observations for each row of theta `(n, D)` and covariates: theta `(2n, D)` and all columns."""
    twice = partial(np.concatenate, axis=0)
    theta, covariates = twice([theta, theta]), {k: twice([v, v]) for k, v in covariates.items()}
    return theta, {**modality.simulate(theta, covariates, Mirrored(rng, len(theta))), **covariates}
