"""The neighbourhood of one theta, as a prior: where rank statistics find the errors that matter at N observations.

    theta ~ N(theta_k, Q_k) on the support,      Q_k = c^2 [ N J_k + diag(12 / width^2) ]^{-1}

Ranks and credibilities are uniform for an exact psi whatever the prior, as long as truths and weights come from the same
one. Drawn from the whole support, a posterior of many observations would fall between the points; drawn from a
neighbourhood c standard deviations wide, it is resolved by a few hundred. A direction in which psi is blind gets c times
the spread of the support itself, which the bounds then cut off. J_k = Var(grad psi) sets the scale alone: were it wrong,
power would suffer and not validity.
"""

from dataclasses import dataclass

import numpy as np

from ..numerics.linear import applied, eigh

REACH = 2.5
"""c: standard deviations of N observations that one of the neighbourhood spans."""


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """A normal law cut off at the bounds of the support.

    Arguments:
        centre: theta_k `(P,)`, within the bounds.
        root: A square root of Q_k, `(P, P)`, the columns of `root / width` being orthogonal.
        low, high: The bounds `(P,)`.
    """

    centre: np.ndarray
    root: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def around(
        cls,
        centre: np.ndarray,
        J: np.ndarray,
        n: int,
        low: np.ndarray,
        high: np.ndarray,
        reach: float = REACH,
    ) -> "Neighbourhood":
        """That of theta_k `(P,)` at n observations, each of information J `(P, P)`."""
        width = high - low
        precision = (n * J * np.outer(width, width) + 12 * np.eye(len(width))) / reach**2
        values, vectors = eigh(precision)
        return cls(centre, width[:, None] * vectors / np.sqrt(values), low, high)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n thetas `(n, P)`: rejected ones are drawn again."""
        kept = np.zeros((0, len(self.centre)))
        while len(kept) < n:
            theta = self.centre + applied(
                self.root.T, rng.standard_normal((2 * n, len(self.centre)))
            )
            kept = np.concatenate(
                [kept, theta[((theta >= self.low) & (theta <= self.high)).all(axis=1)]]
            )
        return kept[:n]

    def whitened(self, theta: np.ndarray) -> np.ndarray:
        """theta `(*, P)` in coordinates in which the law, before it is cut off, is standard normal."""
        scaled = self.root / (self.high - self.low)[:, None]
        dual = scaled / (scaled**2).sum(axis=0) / (self.high - self.low)[:, None]
        return applied(dual, theta - self.centre)

    def log_density(self, theta: np.ndarray) -> np.ndarray:
        """The logarithm of the density at theta `(*, P)` within the bounds, nats up to a constant."""
        return -0.5 * (self.whitened(theta) ** 2).sum(axis=-1)
