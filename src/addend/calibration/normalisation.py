"""Whether exp(psi) integrates to one number for every theta.

    Z(theta) = integral of exp(psi(x; theta)) dx      (ratio heads: E of exp(psi) over the reference law p_0)

If Z varies with theta, a sum over N observations gains N log Z(theta), which nobody observed. Z is found by quadrature
where x has one or two dimensions, else as a mean of importance weights exp(psi)/q over draws of a law q (of p_0 itself
for ratio heads); its logarithm then has the error sqrt(Var w / n) / Z. `table` keeps log Z as a smooth function of
theta: subtracting it makes psi consistent with itself. It does not centre the score under the simulator; `score` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp

from ..errors import TooFewSimulations
from ..numerics.linear import lstsq
from ..numerics.polynomials import Polynomial
from .additive import Additive, setting, summed


@dataclass(frozen=True, eq=False)
class Normalisation(Additive):
    """Sums of the weights w = exp(psi)/q at K cells of theta.

    Arguments:
        names: The P parameters.
        cells: `(K, P)`.
        n: Draws at each cell.
        w, w2: Sums of w and of w^2 `(K,)`.
        exact: Whether w is a quadrature, without error, of which `n` are averaged.
    """

    names: tuple[str, ...]
    exact: bool
    cells: np.ndarray = setting()
    n: np.ndarray = summed()
    w: np.ndarray = summed()
    w2: np.ndarray = summed()

    @classmethod
    def measure(
        cls, names: Sequence[str], cells: np.ndarray, psi: Any, log_q: Any
    ) -> "Normalisation":
        """By importance: psi `(K, n)` in nats at n draws of a law of log-density `log_q` `(n,)` (0 for p_0 itself)."""
        w = np.exp(np.asarray(psi, dtype=np.float64) - log_q)
        return cls(tuple(names), False, cells, w.shape[1], w.sum(axis=1), (w**2).sum(axis=1))

    @classmethod
    def integrate(
        cls, names: Sequence[str], cells: np.ndarray, psi: Any, weights: Any
    ) -> "Normalisation":
        """By quadrature: psi `(K, C, G)` at G nodes of `weights (G,)`, for each of C rows of covariates."""
        z = np.exp(logsumexp(np.asarray(psi, dtype=np.float64), b=weights, axis=-1))
        return cls(tuple(names), True, cells, z.shape[1], z.sum(axis=1), (z**2).sum(axis=1))

    @property
    def log_z(self) -> np.ndarray:
        """log Z(theta) `(K,)`, nats."""
        return np.log(self.w / self._enough())

    @property
    def error(self) -> np.ndarray:
        """The Monte Carlo error of log Z `(K,)`; for a quadrature the spread of Z over covariates, a real departure."""
        mean = self.w / self._enough()
        variance = np.maximum(self.w2 / self.n - mean**2, 0.0)
        return np.sqrt(variance if self.exact else variance / (self.n - 1)) / mean

    @property
    def effective(self) -> np.ndarray:
        """Effective draws (sum w)^2 / sum w^2 `(K,)`: few of them, and neither Z nor its error means much."""
        return self.w**2 / self.w2

    def worst(self, errors: float = 2.0) -> float:
        """sup over theta of |log Z| + `errors` times its error, nats an observation."""
        return float((np.abs(self.log_z) + errors * self.error).max())

    def table(self, low: Any, high: Any, degree: int = 4) -> tuple[Polynomial, np.ndarray]:
        """A polynomial on the box `low (P,)`, `high (P,)` and its coefficients `(B,)`: log Z, smooth in theta."""
        basis = Polynomial(tuple(low), tuple(high), degree)
        weight = 1 / (self.error + 1e-6)
        features = basis.features(self.cells) * weight[:, None]
        return basis, lstsq(features, self.log_z * weight, rcond=1e-12)

    def _enough(self) -> float:
        if self.n < (1 if self.exact else 10):
            raise TooFewSimulations(
                f"Z(theta) has {float(self.n):.0f} draws", "draw at least ten, better thousands"
            )
        return float(self.n)
