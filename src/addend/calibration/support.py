"""Whether real observations look like anything that was simulated.

psi means nothing at an x which the simulator never produced. In whitened coordinates of (z, e), the distance to the
k-th nearest of a few hundred simulated points is compared with the same distance of other simulated points: an
observation is outside if it lies further out than all but a fraction `rate` of simulations. A direction in which the
simulations do not move at all is given a tiny scale, so a column that should be constant and is not lies outside.

The summary is a few hundred rows and quantiles. It travels in the artifact and needs neither simulator nor pool.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from ..errors import TooFewSimulations
from ..numerics.linear import applied, covariance, eigh
from ..numerics.tails import binomial_above
from .additive import Additive, plain, summed

RATE = 1e-3
TAILS = (0.5, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)


@dataclass(frozen=True, eq=False)
class Support:
    """Simulated (z, e), summarised.

    Arguments:
        centre: `(Z,)`.
        whiten: `(Z, Z)`; (z - centre) @ whiten has unit covariance.
        points: Reference points, whitened `(G, Z)`.
        k: Which neighbour counts.
        distances: The distances that fractions `TAILS` of simulations exceed, ascending.
    """

    centre: np.ndarray
    whiten: np.ndarray
    points: np.ndarray
    k: int
    distances: np.ndarray

    @classmethod
    def measure(
        cls, z: np.ndarray, rng: np.random.Generator, points: int = 512, k: int = 3
    ) -> "Support":
        """From simulated z `(N, Z)`: some rows become the reference points, the others give the distances.

        Raises:
            TooFewSimulations: Fewer than 2000 rows beyond the reference points, too few for a tail of 1 in 1000.
        """
        if len(z) < points + 2000:
            raise TooFewSimulations(
                f"the support is to be learned from {len(z)} rows, expected {points + 2000}",
                "simulate more",
            )
        values, vectors = eigh(covariance(z))
        whiten = vectors / np.sqrt(np.maximum(values, 1e-12 * max(values[-1], 1e-300)))
        order = rng.permutation(len(z))
        chosen = applied(whiten, z[order[:points]] - z.mean(axis=0))
        self = cls(z.mean(axis=0), whiten, chosen, k, np.zeros(len(TAILS)))
        rest = self.distance(z[order[points:]])
        return cls(self.centre, whiten, chosen, k, np.quantile(rest, 1 - np.array(TAILS)))

    def distance(self, z: np.ndarray) -> np.ndarray:
        """The whitened distance `(N,)` of z `(N, Z)` to its k-th nearest reference point."""
        found = cKDTree(self.points).query(applied(self.whiten, z - self.centre), k=[self.k])[0]
        return found[:, 0]

    def tail(self, z: np.ndarray) -> np.ndarray:
        """The fraction `(N,)` of simulations further out than each row of z, to within the stored tails."""
        return np.array([1.0, *TAILS])[
            np.searchsorted(self.distances, self.distance(z), side="left")
        ]

    def outside(self, z: np.ndarray, rate: float = RATE) -> np.ndarray:
        """Which rows of z `(N, Z)` lie further out than all but a fraction `rate` of simulations; one of `TAILS`."""
        return self.distance(z) > self.distances[int(np.argmin(np.abs(np.array(TAILS) - rate)))]

    def as_dict(self) -> dict[str, Any]:
        """The summary as plain JSON."""
        return {f.name: plain(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> "Support":
        """The summary that `as_dict` described."""
        stated: dict[str, Any] = {
            name: value if name == "k" else np.asarray(value, dtype=np.float64)
            for name, value in d.items()
        }
        return cls(**stated)


@dataclass(frozen=True, eq=False)
class Outside(Additive):
    """How many of one list's observations lie outside."""

    name: str
    rate: float
    n: np.ndarray = summed()
    outside: np.ndarray = summed()

    @classmethod
    def measure(cls, name: str, support: Support, z: np.ndarray, rate: float = RATE) -> "Outside":
        """The count for the observations z `(N, Z)` of the list `name`."""
        return cls(name, rate, np.array(len(z)), support.outside(z, rate).sum())

    @property
    def p_value(self) -> float:
        """How probable so many outside would be by chance, were the list simulated."""
        return float(binomial_above(float(self.outside) - 1, float(self.n), self.rate))
