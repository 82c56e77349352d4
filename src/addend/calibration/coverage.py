"""Expected coverage: how often credible regions hold the truth.

The credibility of the truth is the posterior mass of the region where the posterior density exceeds its value at
theta*: the smallest highest-density region that reaches it. Over draws from the prior it is uniform for an exact
posterior, so regions of every level alpha hold the truth in a fraction alpha (Hermans et al., arXiv 2110.06581). The
curve of coverage against level lies above the diagonal where posteriors are too wide (conservative) and below it where
they are too narrow (overconfident).

Frequentist sets are read the same way, with the level at which a set first holds the truth in the place of the
credibility: chi^2 probabilities of t = 2 [max S - S(theta*)] for Wilks' sets.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import TooFewSimulations
from .additive import Additive, setting, summed
from .bands import binomial, kolmogorov
from .ranks import mass_below

ONE_SIGMA, TWO_SIGMA = 0.6826894921370859, 0.9544997361036416
LEVELS = tuple(sorted([*np.linspace(0.05, 0.95, 19).round(2).tolist(), ONE_SIGMA, TWO_SIGMA]))


@dataclass(frozen=True, eq=False)
class Coverage(Additive):
    """Counts of the truths inside, for one curve or several.

    Arguments:
        names: What the regions are of: "joint", or parameters one by one.
        levels: Nominal levels `(A,)`.
        inside: Data sets whose region of each level holds the truth `(P, A)`.
        n: Data sets.
    """

    names: tuple[str, ...]
    levels: np.ndarray = setting()
    inside: np.ndarray = summed()
    n: np.ndarray = summed()

    @classmethod
    def measure(
        cls, names: Sequence[str], credibility: np.ndarray, levels: Sequence[float] = LEVELS
    ) -> "Coverage":
        """The counts from the credibility of each truth, `(N, P)` or `(N,)`."""
        credibility = np.asarray(credibility, dtype=np.float64).reshape(-1, len(names))
        inside = (credibility[:, :, None] <= np.asarray(levels)).sum(axis=0)
        return cls(tuple(names), np.asarray(levels), inside, np.array(len(credibility)))

    @property
    def coverage(self) -> np.ndarray:
        """The fraction inside `(P, A)`."""
        return self.inside / self._enough()

    def band(self, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """The exact binomial interval of each fraction, `(P, A)` each."""
        return binomial(self.inside, self._enough(), confidence)

    def halfwidth(self, false_alarm: float = 0.05) -> float:
        """How far from the diagonal chance takes any point of any curve, with probability at most `false_alarm`."""
        return kolmogorov(self._enough(), false_alarm / len(self.names))

    def verdicts(self, false_alarm: float = 0.05) -> dict[str, str]:
        """One word a curve: "calibrated", "overconfident" (below), "conservative" (above) or "distorted" (both)."""
        width = self.halfwidth(false_alarm)
        return {
            name: _word(row - self.levels, width)
            for name, row in zip(self.names, self.coverage, strict=True)
        }

    def at(self, level: float) -> np.ndarray:
        """The coverage `(P,)` at one of the levels."""
        return self.coverage[:, int(np.argmin(np.abs(self.levels - level)))]

    def _enough(self) -> float:
        if self.n < 1:
            raise TooFewSimulations(
                "coverage was measured on no data set", "run at least one pseudo-experiment"
            )
        return float(self.n)


def credibility_from_samples(
    log_density: np.ndarray, truth_log_density: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The credibility of each truth `(N,)`.

    Arguments:
        log_density: log posterior, up to a constant of each row, at independent posterior samples `(N, S)`.
        truth_log_density: The same at the truth `(N,)`.
    """
    flat = np.zeros_like(log_density)
    return mass_below(-log_density, flat, -truth_log_density, flat[:, 0], rng)


def credibility_from_weights(
    log_density: np.ndarray,
    log_weights: np.ndarray,
    truth_log_density: np.ndarray,
    truth_log_weight: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """The credibility of each truth `(N,)` from weighted points: see `ranks.rank_from_weights`.

    Under a uniform prior whose draws are the points, density and weight are both S.
    """
    return mass_below(-log_density, log_weights, -truth_log_density, truth_log_weight, rng)


def central_credibility(u: np.ndarray) -> np.ndarray:
    """The level of the smallest equal-tailed interval that holds the truth, from ranks u `(N, P)`."""
    return np.abs(2 * u - 1)


def _word(excess: np.ndarray, width: float) -> str:
    above, below = excess.max() > width, -excess.min() > width
    if above and below:
        return "distorted"
    if above:
        return "conservative"
    return "overconfident" if below else "calibrated"
