"""Tension: how much worse the modalities fit together than each alone, against quantiles simulated for this very sum.

    Q = 2 [ sum_m S_m(theta_hat_m) - S(theta_hat) ]

is chi^2 with sum_m p_m - p degrees of freedom for exact, regular terms, p_m being the directions that modality m
identifies and p those of the sum. For learned terms at finite N its law is simulated at theta_hat. A large Q means a
wrong model or modalities that share what theta does not hold.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import TooFewSimulations
from ..numerics.tails import chi2_above
from .additive import Additive, listed
from .bands import binomial


def statistic(separate: np.ndarray, together: np.ndarray) -> np.ndarray:
    """Q `(*,)` from the modalities' maxima S_m(theta_hat_m) `(*, M)` and S(theta_hat) `(*,)`, nats."""
    return 2 * (np.sum(separate, axis=-1) - together)


@dataclass(frozen=True, eq=False)
class TensionLaw(Additive):
    """Simulated Q, one pseudo-experiment a row.

    Arguments:
        name: Which modalities against which.
        q: `(n,)`.
    """

    name: str
    q: np.ndarray = listed()

    def p_value(self, observed: float) -> float:
        """The chance of a Q at least as large; exact, and never zero: 1 / (n + 1) is the least n draws can say."""
        return float((1 + (self._enough() >= observed).sum()) / (len(self.q) + 1))

    def interval(self, observed: float, confidence: float = 0.95) -> tuple[float, float]:
        """The binomial interval of that chance."""
        low, high = binomial((self._enough() >= observed).sum(), len(self.q), confidence)
        return float(low), float(high)

    def quantile(self, level: float) -> float:
        """The simulated quantile of Q."""
        return float(np.quantile(self._enough(), level))

    def _enough(self) -> np.ndarray:
        if len(self.q) < 20:
            raise TooFewSimulations(
                f"the law of '{self.name}' has {len(self.q)} draws, expected at least 20",
                "simulate more",
            )
        return self.q


def wilks(observed: float, dof: int) -> float:
    """The chance of a Q at least as large under chi^2 with `dof` degrees of freedom."""
    return float(chi2_above(observed, dof))
