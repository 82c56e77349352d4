"""The kinds of error that a fusion quotes, one name each, and how often each held the truth when it was tried.

    calibrated   S_max - S below critical values that repetitions taught (Neyman's construction)
    profile      S_max - S below half a quantile of chi-square (Wilks' theorem)
    posterior    equal-tailed regions of the posterior under the declared priors
    sandwich     H^-1 J H^-1 about theta_hat
    curvature    H^-1 about theta_hat

An audit tries each on repetitions that taught nothing. A region fails where it held the truth less often than chance
allows; all regions and levels of one method share one false-alarm rate, `FALSE_ALARM`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..numerics.tails import binomial_quantile

METHODS = ("calibrated", "profile", "posterior", "sandwich", "curvature")
"""In the order in which one that passed its audit is to be quoted."""
TOGETHER = "together"
"""The region of all parameters at once, among those of each."""
FALSE_ALARM = 0.01


@dataclass(frozen=True)
class ErrorAudit:
    """How often one kind of error held the truth.

    Arguments:
        levels: What was claimed `(A,)`.
        trials: Repetitions.
        hits: Those whose region held the truth, by parameter and `TOGETHER`, at each level `(A,)`.
    """

    levels: tuple[float, ...]
    trials: int
    hits: Mapping[str, tuple[int, ...]]

    @property
    def narrow(self) -> dict[tuple[str, float], float]:
        """Coverage by region and level, where it is below what was claimed by more than chance."""
        return {key: hits / self.trials for key, hits, low, _ in self._counted() if hits < low}

    @property
    def wide(self) -> dict[tuple[str, float], float]:
        """The same above what was claimed."""
        return {key: hits / self.trials for key, hits, _, high in self._counted() if hits > high}

    @property
    def passed(self) -> bool:
        """Whether no region held the truth less often than it claims."""
        return not self.narrow

    def _counted(self) -> Iterator[tuple[tuple[str, float], int, float, float]]:
        """Each region and level with its hits, and the fewest and the most that chance allows."""
        tail = FALSE_ALARM / (2 * len(self.hits) * len(self.levels))
        for name, counts in self.hits.items():
            for level, hits in zip(self.levels, counts, strict=True):
                low, high = binomial_quantile([tail, 1 - tail], self.trials, level)
                yield (name, level), hits, low, high
