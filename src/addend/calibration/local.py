"""Local calibration: where would theta have to be for the simulator to give the score that was observed?

A learned psi has a biased score, so argmax S converges to the wrong place. But E_theta[grad psi(x; t)], as a function
of the theta of the *simulator* at a fixed point t, the binding function, can be simulated near theta_hat, and the
theta at which it equals the observed score is consistent whatever the bias of psi (indirect inference with the score
as the auxiliary statistic: Gallant and Tauchen, Econometric Theory 12 (1996) 657). Linear in theta near the centre,

    m(theta) = m_0 + A (theta - centre),      sum_m N_m m_m(theta_c) = grad S(t),
    Cov(theta_c) = A^{-1} [ sum_m N_m J_m (1 + N_m / M_m) ] A^{-T}          A = sum_m N_m A_m,

from M_m fresh simulations of each modality at theta scattered around the centre. Its noise is sqrt(N/M) in units of
the standard deviation, for every encoder: M = 20 N costs 2.5 % of width, M below 5 N costs more than most biases and is
refused. The error of A multiplies the distance from the centre, so `ROUNDS` are two: a first, smaller and wider, whose
theta_c is the centre of the second. Both evaluate the score at one and the same t, so the observations are read once.

A constraint (eta ~ N(mean, sd)) is one exact term more. Where the sum is blind, theta_c stays at the centre.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import TooFewSimulations
from ..numerics.folding import fold_into
from .additive import Additive, setting, summed
from .subspace import whitener

DEFAULT, LEAST = 20, 5
ROUNDS = ((10, 4.0), (DEFAULT, 1.5))
"""Simulations an observation, and the spread of the design in standard deviations, of each round."""


@dataclass(frozen=True, eq=False)
class LocalMoments(Additive):
    """Sums over simulations near the centre, for one modality.

    Arguments:
        names: Its P parameters.
        centre: Where the design is centred `(P,)`.
        dd, dg, gg: Sums of d d', d g' and g g' with d = (1, theta - centre) `(P + 1,)` and g = grad psi(x; t) `(P,)`.
    """

    names: tuple[str, ...]
    centre: np.ndarray = setting()
    dd: np.ndarray = summed()
    dg: np.ndarray = summed()
    gg: np.ndarray = summed()

    @classmethod
    def measure(
        cls, names: Sequence[str], centre: Any, theta: np.ndarray, gradient: np.ndarray
    ) -> "LocalMoments":
        """From simulations at theta `(M, P)` and their scores grad psi(x; t) `(M, P)`, all at one fixed t."""
        d = np.concatenate([np.ones((len(theta), 1)), theta - np.asarray(centre)], axis=1)
        return cls(tuple(names), centre, d.T @ d, d.T @ gradient, gradient.T @ gradient)

    def term(self, n: int) -> "Term":
        """What these simulations say about a sum of n observations; raises `TooFewSimulations` below 5 n."""
        require_enough(int(self.dd[0, 0]), n, ", ".join(self.names))
        spread = np.sqrt(np.diagonal(self.dd))
        spread[spread == 0] = 1.0
        solved = np.linalg.pinv(
            self.dd / np.outer(spread, spread), rcond=1e-10, hermitian=True
        ) / np.outer(spread, spread)
        fit = solved @ self.dg
        J = (self.gg - fit.T @ self.dg) / (self.dd[0, 0] - len(self.dd))
        return Term(self.names, n, fit[0], fit[1:].T, (J + J.T) / 2, n * solved[0, 0])


@dataclass(frozen=True)
class Term:
    """One modality's line of the estimating equation: m_0 `(P,)`, A `(P, P)`, J `(P, P)` and N/M."""

    names: tuple[str, ...]
    n: int
    mean: np.ndarray
    slope: np.ndarray
    J: np.ndarray
    noise: float


@dataclass(frozen=True)
class LocalCalibration:
    """theta_c and its covariance `(P, P)`, simulation noise included; `shift` = theta_c - theta_hat, both `(P,)`."""

    names: tuple[str, ...]
    theta: np.ndarray
    shift: np.ndarray
    covariance: np.ndarray


def require_enough(simulations: int, n: int, name: str) -> None:
    """Raise `TooFewSimulations` unless there are at least five simulations an observation."""
    if simulations < LEAST * n:
        raise TooFewSimulations(
            f"local calibration of '{name}' has {simulations:,} simulations for {n:,} observations, "
            f"expected at least {LEAST * n:,}",
            f"simulate {DEFAULT * n:,}, or switch local calibration off",
        )


def scatter(
    centre: Any,
    covariance: Any,
    n: int,
    rng: np.random.Generator,
    low: Any,
    high: Any,
    spread: float = 1.5,
) -> np.ndarray:
    """n thetas `(n, P)` scattered `spread` standard deviations around the centre, folded back into the box."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    theta = np.asarray(centre) + spread * rng.standard_normal((n, len(root))) @ root.T
    return fold_into(theta, low, high)


def constraint_term(name: str, sd: float, centre: float, at: float) -> Term:
    """The exact line of a Gaussian constraint of width sd, at t = `at`, the design centred at `centre`."""
    precision = np.array([[sd**-2]])
    return Term((name,), 1, precision[0] * (centre - at), precision, precision, 0.0)


def locate(
    names: Sequence[str], theta_hat: Any, centre: Any, terms: list[Term], observed: Any = None
) -> LocalCalibration:
    """theta_c from all terms of a sum.

    Arguments:
        names: The P parameters of the sum.
        theta_hat: Where the terms' scores were evaluated, the t above `(P,)`.
        centre: Where their designs were centred `(P,)`.
        observed: grad S(theta_hat) `(P,)`; zero, the default, at an interior maximum.
    """
    mean, A, J = np.zeros(len(names)), np.zeros((len(names),) * 2), np.zeros((len(names),) * 2)
    for term in terms:
        i = [list(names).index(name) for name in term.names]
        mean[i] += term.n * term.mean
        A[np.ix_(i, i)] += term.n * term.slope
        J[np.ix_(i, i)] += term.n * term.J * (1 + term.noise)
    w = whitener(J, np.diagonal(J))
    inverse = w @ np.linalg.inv(w.T @ A @ w) @ w.T
    theta = np.asarray(centre) + inverse @ ((0 if observed is None else observed) - mean)
    return LocalCalibration(tuple(names), theta, theta - theta_hat, inverse @ J @ inverse.T)
