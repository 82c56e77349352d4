"""What a lossy f_m keeps of what x says about theta.

Data processing: I_z(theta) <= I_x(theta), in the Loewner order and in nats. Three measures, of which the third needs no
likelihood:

(a) Fisher efficiency, the eigenvalues of I_x^{-1} I_z with I = Var(grad psi) at one theta: 1 where nothing is lost.
(b) The gap I(x; theta) - I(z; theta) of mutual information, both by one estimator on the same held-out pairs. For any
    psi, E log [ exp psi(x; theta) / mean over K contrasts and itself of exp psi(x; theta') ] is a lower bound, blind to
    c(x) and never above log(K + 1) (van den Oord et al., arXiv 1807.03748).
(c) The score on z: regress grad log p (exact, or of simulator and latents jointly) on z. Its residual variance, in
    units of the total, is the Fisher information that z lost.

The per-pair terms of (b) are also the log score by which one encoder is held against another: proper, and the same
for likelihoods and ratios.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from ..errors import TooFewSimulations
from ..numerics.linear import EPSILON, eigvalsh, lstsq, product, within
from ..numerics.polynomials import quadratic
from .additive import Additive, summed
from .score import ScoreMoments
from .subspace import whitener


@dataclass(frozen=True, eq=False)
class Mean(Additive):
    """The mean of one number a pair, with its error."""

    what: str
    n: np.ndarray = summed()
    total: np.ndarray = summed()
    squares: np.ndarray = summed()

    @classmethod
    def measure(cls, what: str, values: np.ndarray) -> "Mean":
        """From the values `(N,)`."""
        return cls(what, np.array(len(values)), np.sum(values), np.sum(np.square(values)))

    @property
    def value(self) -> float:
        """The mean."""
        return float(self.total / self._enough())

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        variance = max(float(self.squares / self._enough()) - self.value**2, 0.0)
        return float(np.sqrt(variance / (float(self.n) - 1)))

    def _enough(self) -> float:
        if self.n < 2:
            raise TooFewSimulations(
                f"the mean of '{self.what}' has {float(self.n):.0f} values", "measure at least two"
            )
        return float(self.n)


def log_score(psi: np.ndarray, contrasts: np.ndarray) -> np.ndarray:
    """(b)'s term of each pair `(N,)`, nats: psi `(N,)` at its own theta against `contrasts (N, K)` at others.

    The others are draws of the same law of theta, independent of x.
    """
    every = np.concatenate([psi[:, None], contrasts], axis=1)
    return psi - logsumexp(every, axis=1) + np.log(every.shape[1])


def fisher_efficiency(z: ScoreMoments, x: ScoreMoments) -> list[np.ndarray]:
    """(a): eigenvalues of I_x^{-1} I_z, one array a cell, ascending, on the directions that x identifies."""
    cells = zip(z.J, x.J, x.scale, strict=True)
    return [eigvalsh(within(whitener(Jx, s), Jz)) for Jz, Jx, s in cells]


@dataclass(frozen=True, eq=False)
class ScoreRegression(Additive):
    """The normal equations of (c): sums of features' products with each other and with scores t `(N, P)`."""

    n: np.ndarray = summed()
    ff: np.ndarray = summed()
    ft: np.ndarray = summed()
    tt: np.ndarray = summed()

    @classmethod
    def measure(cls, z: np.ndarray, score: np.ndarray) -> "ScoreRegression":
        """From z `(N, Z)` and scores `(N, P)`; the features are 1, z and all products of two."""
        f = quadratic(z)
        return cls(
            np.array(len(f)), *(product(a.T, b) for a, b in ((f, f), (f, score), (score, score)))
        )

    def coefficients(self) -> np.ndarray:
        """The least-squares coefficients `(F, P)`."""
        return lstsq(self.ff, self.ft, rcond=len(self.ff) * EPSILON)

    def residual(self, coefficients: np.ndarray) -> np.ndarray:
        """The mean residual product `(P, P)` of coefficients fitted elsewhere."""
        crossed = product(coefficients.T, self.ft)
        return (self.tt - crossed - crossed.T + within(coefficients, self.ff)) / self.n


def kept_fisher(fit: ScoreRegression, audit: ScoreRegression) -> np.ndarray:
    """(c): eigenvalues of the kept fraction of Fisher information, ascending; fitted on one pool, measured on another."""
    total = audit.tt / audit.n
    w = whitener(total, np.diagonal(total))
    return np.sort(1 - eigvalsh(within(w, audit.residual(fit.coefficients()))))
