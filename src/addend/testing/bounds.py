r"""How well theta can be known at all: Fisher information, Cramer-Rao, Hammersley-Chapman-Robbins.

Information adds over observations and modalities, and bounds the covariance of an unbiased estimator (Cramer 1946, Rao 1945):

    Cov >= ( sum_m N_m I_m )^{-1},          I_m = Var[grad psi_m] at theta

Hammersley (1950) and Chapman & Robbins (1951) need no derivative. With test points theta_j, r_j = p(x | theta_j) / p(x | theta),

    Cov >= D V^+ D^T,       D = [E_j theta_hat - E theta_hat]  (D x J),       1 + V_jk = E[r_j r_k]

V composes like S does: 1 + V_jk = prod_m (1 + V^m_jk)^N_m, so log(1 + chi2) adds. The N-fold product is never simulated,
where its variance explodes; log1p and expm1 do it. A test point of infinite chi2 adds nothing to the bound.

From a learned psi, r_j = exp(psi(x; theta_j) - psi(x; theta)) and c(x) cancels. Two estimators of V use different draws:

    self-normalised     mean(r_j r_k) / (mean r_j  mean r_k) - 1                x ~ p(. | theta)
    crossed             mean_{x ~ p(. | theta_j)} r_k  /  mean r_k  - 1

Beyond three Monte Carlo standard deviations apart, the ratio is miscalibrated. An estimate of chi2 that is too small
overstates the bound: what is estimated is an *estimated* bound, exact for exact chi2 only. Both bounds are attained
asymptotically in regular interior models, and not in general: not for Uniform(0, theta), nor for integer theta.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

STEPS = (0.1, 0.3, 0.5, 1.0, 1.5)


@dataclass(frozen=True)
class Information:
    """Fisher information of one observation from R score samples.

    Arguments:
        matrix: `(D, D)` variance of the score.
        bias: `(D,)` mean of the score; zero if psi is exact.
        error: `(D, D)` Monte Carlo standard deviation of `matrix`.
    """

    matrix: np.ndarray
    bias: np.ndarray
    error: np.ndarray


@dataclass(frozen=True)
class ChiSquare:
    """V of one observation by both estimators.

    Arguments:
        value: `(J, J)` self-normalised.
        crossed: `(J, J)` from draws at the test points.
        error: `(J, J)` Monte Carlo standard deviation of their difference.
    """

    value: np.ndarray
    crossed: np.ndarray
    error: np.ndarray

    @property
    def disagreement(self) -> float:
        """The largest difference of the two in standard deviations; above 3 the ratio is miscalibrated."""
        return float(np.max(np.abs(self.value - self.crossed) / self.error))


def information(scores: np.ndarray) -> Information:
    """Fisher information from grad psi at theta of R draws x ~ p(. | theta), `(R, D)` in nats per unit of theta."""
    scores = np.asarray(scores, dtype=np.float64)
    bias = scores.mean(axis=0)
    products = np.einsum("ra,rb->rab", scores - bias, scores - bias)
    r = len(scores)
    return Information(
        products.sum(axis=0) / (r - 1), bias, products.std(axis=0, ddof=1) / np.sqrt(r)
    )


def cramer_rao(parts: Sequence[tuple[int, np.ndarray]]) -> np.ndarray:
    """The Cramer-Rao bound `(D, D)` of N_m observations of information I_m `(D, D)` each.

    Infinite on the diagonal for a parameter that all of them together leave unidentified.
    """
    total = sum(n * np.asarray(i, dtype=np.float64) for n, i in parts)
    values, vectors = np.linalg.eigh(total)
    seen = values > 1e-12 * values.max(initial=0.0)
    bound = (vectors[:, seen] / values[seen]) @ vectors[:, seen].T
    blind = np.abs(vectors[:, ~seen]).max(axis=1, initial=0.0) > 1e-6
    bound[blind, blind] = np.inf
    return bound


def test_points(
    theta: np.ndarray, information: np.ndarray, n: int, steps: Sequence[float] = STEPS
) -> np.ndarray:
    """Test points `(J, D)` around theta `(D,)`: both ways along every axis, in standard deviations of N observations.

    Near enough that chi2 of one observation is about step^2 / N, where its estimators have a small variance.
    """
    scale = np.diag(1 / np.sqrt(n * np.diag(information)))
    return np.concatenate([theta + sign * c * scale for c in steps for sign in (1, -1)])


test_points.__test__ = False  # type: ignore[attr-defined]


def chi_square(log_r: np.ndarray, log_r_at: np.ndarray) -> ChiSquare:
    """V of one observation from log ratios, in nats.

    Arguments:
        log_r: log r_j of R draws x ~ p(. | theta), `(R, J)`.
        log_r_at: log r_k of R draws x ~ p(. | theta_j), `(J, R, J)`.
    """
    r, r_at = np.exp(log_r), np.exp(log_r_at)
    r = r / r.mean(axis=0)
    crossed = r_at.mean(axis=1) / np.exp(log_r).mean(axis=0)
    value = r.T @ r / len(r)
    pairs = (
        np.einsum("rj,rk->rjk", r, r)
        - value * (r[:, :, None] + r[:, None, :] - 1)
        + crossed * r[:, None, :]
    )
    spread = pairs.var(axis=0, ddof=1) / len(r)
    at = (r_at / np.exp(log_r).mean(axis=0)).var(axis=1, ddof=1) / r_at.shape[1]
    return ChiSquare(value - 1, crossed - 1, np.sqrt(spread + at))


def compose(parts: Sequence[tuple[int, np.ndarray]]) -> np.ndarray:
    """V `(J, J)` of a data set of N_m observations of V^m `(J, J)` each: log(1 + V) adds."""
    with np.errstate(over="ignore"):
        return np.expm1(sum(n * np.log1p(np.asarray(v, dtype=np.float64)) for n, v in parts))


def hammersley_chapman_robbins(shift: np.ndarray, v: np.ndarray, rtol: float = 1e-12) -> np.ndarray:
    """The bound `(D, D)` on Cov(theta_hat) from J test points.

    Arguments:
        shift: How the mean of theta_hat moves from theta to each test point, `(J, D)`; theta_j - theta where it is unbiased.
        v: V of the data set, `(J, J)`; test points of infinite chi2 are left out.
        rtol: Eigenvalues of V below this share of the largest are dropped, which only lowers the bound.
    """
    finite = np.isfinite(np.diag(v))
    shift, v = (
        np.asarray(shift, dtype=np.float64)[finite],
        np.asarray(v, dtype=np.float64)[np.ix_(finite, finite)],
    )
    scale = 1 / np.sqrt(np.diag(v))
    inverse = np.linalg.pinv(v * scale * scale[:, None], rcond=rtol, hermitian=True)
    return shift.T @ (inverse * scale * scale[:, None]) @ shift


def hcr_scalar(shift: np.ndarray, chi2: np.ndarray) -> float:
    """The best one-point bound on the variance of one parameter: max_j shift_j^2 / chi2_j, for `(J,)` points each."""
    shift, chi2 = np.asarray(shift, dtype=np.float64), np.asarray(chi2, dtype=np.float64)
    return float(
        np.max(
            np.where(
                np.isfinite(chi2) & (chi2 > 0), shift**2 / np.where(chi2 > 0, chi2, np.inf), 0.0
            )
        )
    )
