"""Neyman's construction: sets that cover whatever psi is, because their critical values were learned from simulations.

For t(D; theta) = 2 [max S - S(theta)], at the actual numbers of observations and their own covariates, the set

    { theta : t(D; theta) <= c_alpha(theta) },      c_alpha(theta) the alpha-quantile of t(D; theta), D ~ theta,

holds the true theta with probability alpha, for biased, over-confident and singular models alike; only its size
suffers. Simulated pairs (theta_j, t_j) give c by quantile regression: log c is a polynomial in theta whose coefficients
minimise sum_j rho_alpha(log t_j - log c(theta_j)), rho_alpha(r) = r (alpha - [r < 0]) (Koenker and Bassett,
Econometrica 46 (1978) 33). That is a linear programme; its dual, with one variable in [0, 1] a draw and one equation a
coefficient, goes to HiGHS, and the coefficients are the multipliers. The logarithm keeps c positive and commutes with
quantiles. Learned sets are believed after an audit on pseudo-experiments of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog

from ..errors import TooFewSimulations
from ..numerics.polynomials import Polynomial
from .additive import Additive, listed, plain, setting, summed
from .bands import binomial
from .coverage import ONE_SIGMA, TWO_SIGMA

LEVELS = (ONE_SIGMA, TWO_SIGMA)
SMALLEST = 1e-12


@dataclass(frozen=True, eq=False)
class Draws(Additive):
    """Simulated t, one pseudo-experiment a row: theta `(n, P)`, at which it was drawn, and t `(n,)` at that theta."""

    names: tuple[str, ...]
    theta: np.ndarray = listed()
    t: np.ndarray = listed()


@dataclass(frozen=True)
class CriticalValues:
    """c_alpha(theta).

    Arguments:
        names: The P parameters.
        low, high, degree: The polynomial's box and degree.
        levels: The alphas, ascending `(A,)`.
        coefficients: Of log c `(A, B)`.
        n: How many draws taught it.
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    degree: int
    levels: tuple[float, ...]
    coefficients: np.ndarray
    n: int

    def __call__(self, theta: np.ndarray) -> np.ndarray:
        """c `(*, A)` at theta `(*, P)`; a higher level never has a lower c, and no theta leaves the box of the draws."""
        inside = np.clip(theta, self.low, self.high)
        return np.maximum.accumulate(
            np.exp(self._basis.features(inside) @ self.coefficients.T), axis=-1
        )

    def inside(self, theta: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Whether each theta `(*, P)` with its t `(*,)` lies in the set of each level `(*, A)`."""
        return t[..., None] <= self(theta)

    @property
    def _basis(self) -> Polynomial:
        return Polynomial(self.low, self.high, self.degree)

    def as_dict(self) -> dict[str, Any]:
        """The function as plain JSON."""
        return plain(vars(self))

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> "CriticalValues":
        """The function that `as_dict` described."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in d.items()
        }
        return cls(**{**fields, "coefficients": np.asarray(d["coefficients"], dtype=np.float64)})


def learn(draws: Draws, levels: Sequence[float] = LEVELS, degree: int = 1) -> CriticalValues:
    """c_alpha from simulated draws, whatever their order.

    Raises:
        TooFewSimulations: Fewer than 20 draws a coefficient beyond the highest level's quantile.
    """
    order = np.lexsort((draws.t, *draws.theta.T))
    basis = Polynomial.around(draws.theta, degree)
    features, y = basis.features(draws.theta[order]), np.log(np.maximum(draws.t[order], SMALLEST))
    needed = int(np.ceil(5 * features.shape[1] / (1 - max(levels))))
    if len(y) < needed:
        raise TooFewSimulations(
            f"critical values at level {max(levels):.3f} were to be learned from {len(y)} draws, expected at least {needed}",
            "simulate more pseudo-experiments, or lower the level or the degree",
        )
    coefficients = np.stack([quantile_regression(features, y, level) for level in sorted(levels)])
    return CriticalValues(
        draws.names, basis.low, basis.high, degree, tuple(sorted(levels)), coefficients, len(y)
    )


def quantile_regression(features: np.ndarray, y: np.ndarray, level: float) -> np.ndarray:
    """The coefficients `(B,)` that minimise the pinball loss of `features (n, B)` against `y (n,)`."""
    solved = linprog(
        -y, A_eq=features.T, b_eq=(1 - level) * features.sum(axis=0), bounds=(0, 1), method="highs"
    )
    if not solved.success:
        raise TooFewSimulations(
            f"the quantile regression has no solution ({solved.message})",
            "simulate more pseudo-experiments",
        )
    return -solved.eqlin.marginals


@dataclass(frozen=True, eq=False)
class Audit(Additive):
    """Coverage counted on independent pseudo-experiments: overall, and in every slice of theta.

    Arguments:
        names: The P parameters.
        edges: Boundaries of the slices of each parameter `(P, Q + 1)`.
        levels: `(A,)`.
        n, inside: Pseudo-experiments in each slice `(P, Q)` and those whose set held the truth `(P, Q, A)`.
    """

    names: tuple[str, ...]
    edges: np.ndarray = setting()
    levels: np.ndarray = setting()
    n: np.ndarray = summed()
    inside: np.ndarray = summed()

    @classmethod
    def measure(
        cls,
        names: Sequence[str],
        theta: np.ndarray,
        inside: np.ndarray,
        levels: Sequence[float],
        low: np.ndarray,
        high: np.ndarray,
        slices: int = 4,
    ) -> "Audit":
        """From truths `(n, P)` and whether the set of each level held them `(n, A)`; slices divide the box evenly."""
        edges = np.linspace(low, high, slices + 1).T
        found = [
            np.clip(np.searchsorted(e, x) - 1, 0, slices - 1)
            for e, x in zip(edges, theta.T, strict=True)
        ]
        slots = (np.array(found)[:, :, None] == np.arange(slices)).astype(np.float64)
        return cls(
            tuple(names),
            edges,
            np.asarray(levels),
            slots.sum(axis=1),
            np.einsum("pnq,na->pqa", slots, inside),
        )

    @property
    def coverage(self) -> np.ndarray:
        """The overall fraction inside `(A,)`."""
        return self.inside[0].sum(axis=0) / self.n[0].sum()

    def band(self, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """The exact binomial interval of the overall coverage `(A,)`, twice."""
        return binomial(self.inside[0].sum(axis=0), self.n[0].sum(), confidence)

    def failing(self, false_alarm: float = 0.05) -> list[dict[str, Any]]:
        """Slices whose coverage is off by more than chance, all slices and levels sharing one false-alarm rate."""
        low, high = binomial(self.inside, self.n[..., None], 1 - false_alarm / self.inside.size)
        off = np.argwhere(((self.levels < low) | (self.levels > high)) & (self.n[..., None] > 0))
        return [
            {
                "parameter": self.names[p], "from": float(self.edges[p, q]), "to": float(self.edges[p, q + 1]),
                "level": float(self.levels[a]), "coverage": float(self.inside[p, q, a] / self.n[p, q]), "n": int(self.n[p, q]),
            }
            for p, q, a in off
        ]  # fmt: skip
