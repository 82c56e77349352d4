r"""Simulations that are the points of one Sobol' sequence: theta, covariates and noise together cover their law evenly.

A simulator is a function of uniform deviates: those that theta is drawn from, then the covariates, then the noise. The i-th
pair of simulations takes them from the i-th point of a Sobol' sequence (Sobol' 1967) with random linear scrambling and shift
(Matousek 1998), one coordinate for each column drawn. Its two rows share theta and covariates, and the noise of the second
mirrors that of the first: u becomes 1 - u, a normal deviate changes sign (antithetic variates: Hammersley and Morton 1956).

Each row alone follows the simulator's law as ever. But all of them cover the law of (theta, x) evenly, so that a mean over
them, such as the gradient of a loss, has an error that falls nearly as 1/n where independent rows leave n^-1/2; and what is
odd in the noise cancels within a pair, whatever theta is. `BLOCK` consecutive rows from a multiple of `BLOCK` on are such a
design by themselves.
"""

import numpy as np
import torch
from scipy.special import ndtri

from .errors import BadSetting

BLOCK = 256
COLUMNS = 64
RESOLUTION = 2.0**-30


class Sobol:
    """A generator in place of numpy's, whose normal and uniform columns are coordinates of given points.

    Draws with an axis of as many rows as there are take the next coordinates until none is left; any other draw is made as
    usual.

    Arguments:
        points: In the unit cube `(n, C)`.
        rng: Makes all other draws.
        mirrored: Whether each point is followed by its mirror image, so that there are 2 n rows.
    """

    def __init__(self, points: np.ndarray, rng: np.random.Generator, mirrored: bool = False):
        self._points, self._rng, self._mirrored, self._taken = points, rng, mirrored, 0
        self._rows = len(points) * (2 if mirrored else 1)

    @classmethod
    def sequence(cls, seed: list[int], n: int, start: int = 0) -> "Sobol":
        """n points of the sequence that `seed` scrambles, after the first `start`, for n rows of theta and covariates."""
        engine = torch.quasirandom.SobolEngine(
            COLUMNS, scramble=True, seed=int(np.random.SeedSequence(seed).generate_state(1)[0])
        )
        points = engine.fast_forward(start).draw(n, dtype=torch.float64).numpy()
        return cls(points, np.random.default_rng([*seed, start]))

    def mirrored(self) -> "Sobol":
        """A generator of noise for the rows in pairs, 2 n of them, from the coordinates that are left."""
        return Sobol(self._points[:, self._taken :], self._rng, mirrored=True)

    def random(self, size=None):
        """As numpy's."""
        shape = () if size is None else tuple(np.atleast_1d(size))
        axis = next((a for a, length in enumerate(shape) if length == self._rows), None)
        columns = 0 if axis is None else int(np.prod(shape)) // self._rows
        if axis is None or self._taken + columns > self._points.shape[1]:
            return self._rng.random(size)
        return np.moveaxis(
            self._coordinates(columns).reshape(self._rows, *shape[:axis], *shape[axis + 1 :]),
            0,
            axis,
        )

    def standard_normal(self, size=None):
        """As numpy's."""
        return ndtri(self.random(size))

    def normal(self, loc=0.0, scale=1.0, size=None):
        """As numpy's."""
        return loc + scale * self.standard_normal(
            np.broadcast_shapes(np.shape(loc), np.shape(scale)) if size is None else size
        )

    def uniform(self, low=0.0, high=1.0, size=None):
        """As numpy's."""
        shape = np.broadcast_shapes(np.shape(low), np.shape(high)) if size is None else size
        return low + (np.asarray(high) - low) * self.random(shape)

    def __getattr__(self, name):
        return getattr(self._rng, name)

    def _coordinates(self, columns: int) -> np.ndarray:
        """The next coordinates of all rows, uniform also within the sequence's last binary digit."""
        points = self._points[:, self._taken : self._taken + columns]
        self._taken += columns
        u = points + RESOLUTION * self._rng.random(points.shape)
        return twice(u, 1 - u) if self._mirrored else u


def twice(first: np.ndarray, second: np.ndarray | None = None) -> np.ndarray:
    """Rows in pairs `(2 n, ...)`: one of `first (n, ...)`, then one of `second`, or the same again."""
    return np.stack([first, first if second is None else second], axis=1).reshape(
        -1, *first.shape[1:]
    )


def simulate(
    modality, space, n: int, seed: list[int], start: int = 0
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """n rows after the first `start`, both even: theta `(n, D)`, and covariates and observables as columns."""
    if n % 2:
        raise BadSetting(
            f"simulate.train is an odd number of rows, but training takes them in pairs: {n}",
            "make it even",
        )
    rng = Sobol.sequence(seed, n // 2, start // 2)
    theta = space.draw(n // 2, rng)
    covariates = {name: twice(column) for name, column in modality.covariates(n // 2, rng).items()}
    theta = twice(theta)
    return theta, {**modality.simulate(theta, covariates, rng.mirrored()), **covariates}
