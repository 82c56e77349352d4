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

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from scipy.special import ndtri

from .errors import BadSetting
from .modality import Columns, Modality
from .numerics.designs import sobol
from .parameters import ParameterSpace

BLOCK = 256
COLUMNS = 64
RESOLUTION = 2.0**-30
"""A point has thirty binary digits; the rest of each deviate is drawn."""

ORDINARY = (
    "beta", "binomial", "bytes", "chisquare", "choice", "dirichlet", "exponential", "f", "gamma", "geometric", "gumbel",
    "hypergeometric", "integers", "laplace", "logistic", "lognormal", "logseries", "multinomial",
    "multivariate_hypergeometric", "multivariate_normal", "negative_binomial", "noncentral_chisquare", "noncentral_f",
    "pareto", "permutation", "permuted", "poisson", "power", "rayleigh", "shuffle", "spawn", "standard_cauchy",
    "standard_exponential", "standard_gamma", "standard_t", "triangular", "vonmises", "wald", "weibull", "zipf",
)  # fmt: skip
"""What numpy's generators offer and no design serves."""

Size = int | tuple[int, ...] | None
Drawn = Any  # a float or an array, which numpy states by overloads


@dataclass(frozen=True)
class Served:
    """Where a simulator's deviates came from.

    Arguments:
        columns: How many columns of them were coordinates of the design.
        ordinary: What drew the others, by name, once for each column.
    """

    columns: int
    ordinary: tuple[str, ...]

    def __add__(self, other: "Served") -> "Served":
        return Served(self.columns + other.columns, self.ordinary + other.ordinary)

    def __str__(self) -> str:
        said = f"{self.columns} of {self.columns + len(self.ordinary)} columns of deviates from the design"
        others = ", ".join(dict.fromkeys(self.ordinary))
        return f"{said}; ordinary random numbers for {others}" if others else said


class Deviates(np.random.Generator):
    """A generator of numpy's whose uniform and normal columns are coordinates of given points.

    `random`, `uniform`, `standard_normal` and `normal`, drawn with an axis of as many rows as there are, take the next
    coordinates until none is left. Any other draw is numpy's own, from the same stream, and `served` says so.

    Arguments:
        points: In the unit cube `(n, C)`.
        rng: Makes all other draws.
        mirrored: Whether each point is followed by its mirror image, so that there are 2 n rows.
    """

    def __init__(self, points: np.ndarray, rng: np.random.Generator, mirrored: bool = False):
        super().__init__(rng.bit_generator)
        self._points, self._rng, self._mirrored, self._taken = points, rng, mirrored, 0
        self._rows = len(points) * (2 if mirrored else 1)
        self._ordinary: list[str] = []

    @classmethod
    def sequence(cls, seed: list[int], n: int, start: int = 0) -> "Deviates":
        """n points of the sequence that `seed` scrambles, after the first `start`, for n rows of theta and covariates."""
        scramble = int(np.random.SeedSequence(seed).generate_state(1)[0])
        points = sobol(COLUMNS, n, scramble, start).numpy()
        return cls(points, np.random.default_rng([*seed, start]))

    def mirrored(self) -> "Deviates":
        """A generator of noise for the rows in pairs, 2 n of them, from the coordinates that are left."""
        return Deviates(self._points[:, self._taken :], self._rng, mirrored=True)

    @property
    def served(self) -> Served:
        """What was drawn so far, and from where."""
        return Served(self._taken, tuple(self._ordinary))

    def random(  # type: ignore[override]
        self, size: Size = None, dtype: DTypeLike = np.float64, out: np.ndarray | None = None
    ) -> Drawn:
        """As numpy's."""
        return self._uniform("random", size, dtype, out)

    def standard_normal(  # type: ignore[override]
        self, size: Size = None, dtype: DTypeLike = np.float64, out: np.ndarray | None = None
    ) -> Drawn:
        """As numpy's."""
        if np.dtype(dtype) != np.float64 or out is not None:
            drawn = self._rng.standard_normal(size, dtype, out)  # type: ignore[arg-type]
            return self._noted("standard_normal", drawn)
        return ndtri(self._uniform("standard_normal", size))

    def normal(  # type: ignore[override]
        self, loc: ArrayLike = 0.0, scale: ArrayLike = 1.0, size: Size = None
    ) -> Drawn:
        """As numpy's."""
        return loc + scale * ndtri(self._uniform("normal", _shape(loc, scale, size)))

    def uniform(  # type: ignore[override]
        self, low: ArrayLike = 0.0, high: ArrayLike = 1.0, size: Size = None
    ) -> Drawn:
        """As numpy's."""
        width = np.asarray(high) - low
        return low + width * self._uniform("uniform", _shape(low, high, size))

    def _uniform(
        self,
        name: str,
        size: Size,
        dtype: DTypeLike = np.float64,
        out: np.ndarray | None = None,
    ) -> Drawn:
        """Uniform deviates, for the caller `name`: from the design where they fit it."""
        shape = () if size is None else tuple(np.atleast_1d(size))
        axis = next((a for a, length in enumerate(shape) if length == self._rows), None)
        columns = 0 if axis is None else int(np.prod(shape)) // self._rows
        left = self._points.shape[1] - self._taken
        plain = np.dtype(dtype) == np.float64 and out is None
        if axis is None or columns > left or not plain:
            return self._noted(name, self._rng.random(size, dtype, out))  # type: ignore[arg-type]
        rest = (*shape[:axis], *shape[axis + 1 :])
        return np.moveaxis(self._coordinates(columns).reshape(self._rows, *rest), 0, axis)

    def _noted(self, name: str, drawn: Drawn) -> Drawn:
        self._ordinary += [name] * max(1, np.size(drawn) // self._rows)
        return drawn

    def _coordinates(self, columns: int) -> np.ndarray:
        """The next coordinates of all rows, uniform also within the sequence's last binary digit."""
        points = self._points[:, self._taken : self._taken + columns]
        self._taken += columns
        u = points + RESOLUTION * self._rng.random(points.shape)
        return twice(u, 1 - u) if self._mirrored else u


def _shape(a: ArrayLike, b: ArrayLike, size: Size) -> Size:
    return np.broadcast_shapes(np.shape(a), np.shape(b)) if size is None else size


def _numpys(name: str) -> Callable[..., Drawn]:
    def draw(self: Deviates, *args: Any, **kwargs: Any) -> Drawn:
        return self._noted(name, getattr(self._rng, name)(*args, **kwargs))

    draw.__name__, draw.__doc__ = name, "Numpy's own."
    return draw


for _name in ORDINARY:
    setattr(Deviates, _name, _numpys(_name))


def twice(first: np.ndarray, second: np.ndarray | None = None) -> np.ndarray:
    """Rows in pairs `(2 n, ...)`: one of `first (n, ...)`, then one of `second`, or the same again."""
    return np.stack([first, first if second is None else second], axis=1).reshape(
        -1, *first.shape[1:]
    )


def simulate(
    modality: Modality, space: ParameterSpace, n: int, seed: list[int], start: int = 0
) -> tuple[np.ndarray, Columns]:
    """n rows after the first `start`, both even: theta `(n, D)`, and covariates and observables as columns."""
    if n % 2:
        raise BadSetting(
            f"simulate.train is an odd number of rows, but training takes them in pairs: {n}",
            "make it even",
        )
    return _drawn(modality, space, n // 2, Deviates.sequence(seed, n // 2, start // 2))[0]


def served(modality: Modality, space: ParameterSpace, points: int = BLOCK) -> Served:
    """Where all deviates of simulations at a few points come from."""
    return _drawn(modality, space, points, Deviates.sequence([0], points))[1]


def _drawn(
    modality: Modality, space: ParameterSpace, n: int, rng: Deviates
) -> tuple[tuple[np.ndarray, Columns], Served]:
    """theta and columns, 2 n rows of each, and where they are from."""
    theta = space.draw(n, rng)
    covariates = {name: twice(column) for name, column in modality.covariates(n, rng).items()}
    theta, noise = twice(theta), rng.mirrored()
    observables = modality.simulate(theta, covariates, noise)
    return (theta, {**observables, **covariates}), rng.served + noise.served
