"""Closure: theta_hat in many mock universes whose theta is known.

The pull (theta_hat - theta*) / sigma of a parameter has mean zero and standard deviation one where theta_hat is
unbiased and sigma honest, and its interval of level alpha holds theta* in a fraction alpha of universes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import TooFewSimulations
from .additive import Additive, setting, summed
from .bands import binomial


@dataclass(frozen=True, eq=False)
class Closure(Additive):
    """Sums over mock universes.

    Arguments:
        names: The P parameters.
        levels: Nominal levels `(A,)` of the intervals.
        n: Universes.
        error, error2: Sums of theta_hat - theta* and of its square `(P,)`.
        pull, pull2: The same in units of sigma `(P,)`.
        inside: Universes whose interval held theta* `(P, A)`.
    """

    names: tuple[str, ...]
    levels: np.ndarray = setting()
    n: np.ndarray = summed()
    error: np.ndarray = summed()
    error2: np.ndarray = summed()
    pull: np.ndarray = summed()
    pull2: np.ndarray = summed()
    inside: np.ndarray = summed()

    @classmethod
    def measure(
        cls,
        names: Sequence[str],
        truth: np.ndarray,
        theta_hat: np.ndarray,
        sigma: np.ndarray,
        levels: Sequence[float],
        inside: np.ndarray,
    ) -> "Closure":
        """From n universes: truth, theta_hat and sigma `(n, P)`, and whether each interval held theta* `(n, P, A)`."""
        error = np.asarray(theta_hat) - truth
        pull = error / sigma
        sums = (
            error.sum(axis=0),
            (error**2).sum(axis=0),
            pull.sum(axis=0),
            (pull**2).sum(axis=0),
            np.sum(inside, axis=0),
        )
        return cls(tuple(names), np.asarray(levels), np.array(len(error)), *sums)

    @property
    def bias(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean of theta_hat - theta* and its error, `(P,)` each, in the parameters' units."""
        return _mean(self.error, self.error2, self._enough())

    @property
    def pulls(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the pulls `(P,)`; their errors are about 1 and 0.7, each over sqrt(n)."""
        mean, error = _mean(self.pull, self.pull2, self._enough())
        return mean, error * np.sqrt(self.n)

    @property
    def coverage(self) -> np.ndarray:
        """The fraction inside `(P, A)`."""
        return self.inside / self._enough()

    def band(self, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """The binomial interval of each fraction `(P, A)`, twice."""
        return binomial(self.inside, self._enough(), confidence)

    def _enough(self) -> float:
        if self.n < 2:
            raise TooFewSimulations(
                f"a closure test of {float(self.n):.0f} universes",
                "run at least two, better hundreds",
            )
        return float(self.n)


def _mean(total: np.ndarray, squares: np.ndarray, n: float) -> tuple[np.ndarray, np.ndarray]:
    mean = total / n
    variance = np.maximum(squares - n * mean**2, 0.0) / (n - 1)
    return mean, np.sqrt(variance / n)
