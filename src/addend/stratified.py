r"""Stratified noise: simulations in groups that share theta and covariates, and whose noise together covers its law evenly.

A group has G members. In every column of the noise, member g lies in a stratum of its own, one of G of equal probability
(a Latin hypercube: McKay, Beckman and Conover 1979); and the second half of a group mirrors the first, normal deviates
changing sign and uniform ones becoming 1 - u (antithetic variates: Hammersley and Morton 1956). Each member alone follows
the simulator's law as ever. Over a group, what is a sum of functions of one column each, such as a mean or a variance, is
almost free of noise: so are the gradients of a loss, and a sum of 10^4 learned terms keeps what noise they had.
"""

import numpy as np
from scipy.special import ndtri

from .errors import BadSetting


class Stratified:
    """A generator in place of numpy's for n rows in groups of G: rows i, i + n/G, i + 2 n/G ... are one group.

    Only draws with an axis of n rows are stratified, and only normal and uniform ones; any other is made as usual.

    Arguments:
        rng: The generator that it draws from.
        n: Rows.
        strata: G, even; n is a multiple of it.
    """

    def __init__(self, rng: np.random.Generator, n: int, strata: int):
        self._rng, self._n, self._strata = rng, n, require(strata)

    def random(self, size=None):
        """As numpy's."""
        shape = () if size is None else tuple(np.atleast_1d(size))
        axis = next((a for a, length in enumerate(shape) if length == self._n), None)
        if axis is None:
            return self._rng.random(size)
        return np.moveaxis(self._groups(shape[:axis] + shape[axis + 1 :]), 0, axis)

    def standard_normal(self, size=None):
        """As numpy's."""
        return ndtri(self.random(size))

    def normal(self, loc=0.0, scale=1.0, size=None):
        """As numpy's."""
        return loc + scale * self.standard_normal(np.broadcast_shapes(np.shape(loc), np.shape(scale)) if size is None else size)

    def uniform(self, low=0.0, high=1.0, size=None):
        """As numpy's."""
        shape = np.broadcast_shapes(np.shape(low), np.shape(high)) if size is None else size
        return low + (np.asarray(high) - low) * self.random(shape)

    def __getattr__(self, name):
        return getattr(self._rng, name)

    def _groups(self, rest: tuple[int, ...]) -> np.ndarray:
        """Uniform deviates `(n, ...)`: of each pair of opposite strata one at random, in random order, then their mirrors."""
        shape = (self._strata // 2, self._n // self._strata, *rest)
        pair = self._rng.random(shape).argsort(axis=0)
        stratum = np.where(self._rng.random(shape) < 0.5, pair, self._strata - 1 - pair)
        u = (stratum + self._rng.random(shape)) / self._strata
        return np.concatenate([u, 1 - u]).reshape(self._n, *rest)


def require(strata: int) -> int:
    """`strata`, if groups can be that large; `BadSetting` otherwise."""
    if isinstance(strata, bool) or not isinstance(strata, int) or strata < 1 or (strata > 1 and strata % 2):
        raise BadSetting(f"strata is {strata}, expected an even number, or 1 for independent noise", "use 2")
    return strata


def simulate(modality, theta: np.ndarray, covariates: dict, rng: np.random.Generator, strata: int) -> tuple[np.ndarray, dict]:
    """A group of observations for each row of theta `(m, D)` and covariates: theta `(m G, D)` and all columns."""
    if strata == 1:
        return theta, {**modality.simulate(theta, covariates, rng), **covariates}
    theta, covariates = repeat(theta, strata), {k: repeat(v, strata) for k, v in covariates.items()}
    return theta, {**modality.simulate(theta, covariates, Stratified(rng, len(theta), strata)), **covariates}


def repeat(values: np.ndarray, strata: int) -> np.ndarray:
    """One block `(m, ...)` after another `(m G, ...)`."""
    return np.concatenate([values] * strata)


def join(blocks: list[np.ndarray], strata: int) -> np.ndarray:
    """Groups of several draws `(m_b G, ...)` as those of one."""
    members = [b.reshape(strata, len(b) // strata, *b.shape[1:]) for b in blocks]
    return np.concatenate(members, axis=1).reshape(sum(map(len, blocks)), *blocks[0].shape[1:])
