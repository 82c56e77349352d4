"""Probabilities and quantiles of the laws that tests are held to.

`scipy.stats` knows them all and takes longer to import than most stages take to need one; the functions below are those of
`scipy.special` that it calls itself.
"""

from typing import Any

import numpy as np
from scipy import special

ROUNDING = 1e-12
"""What a probability that is met exactly may be off by in its last digits."""
Values = Any
"""Numbers or arrays, broadcast against each other."""


def chi2_below(x: Values, degrees: Values) -> np.ndarray:
    """The probability that chi^2 with so many degrees of freedom is at most x."""
    return np.asarray(special.chdtr(degrees, x))


def chi2_above(x: Values, degrees: Values) -> np.ndarray:
    """The probability that chi^2 with so many degrees of freedom exceeds x."""
    return np.asarray(special.chdtrc(degrees, x))


def chi2_quantile(probability: Values, degrees: Values) -> np.ndarray:
    """The x that chi^2 with so many degrees of freedom exceeds with one minus that probability."""
    return np.asarray(2 * special.gammaincinv(np.asarray(degrees) / 2, probability))


def uneven(counts: Values) -> float:
    """Pearson's p-value of counts `(B,)` that are expected to be equal."""
    counts = np.asarray(counts, dtype=np.float64)
    expected = counts.mean()
    return float(chi2_above(((counts - expected) ** 2 / expected).sum(), len(counts) - 1))


def binomial_quantile(probability: Values, trials: Values, rate: Values) -> np.ndarray:
    """The least number of successes that is not exceeded with at least that probability."""
    least = np.ceil(special.bdtrik(probability, trials, rate))
    fewer = np.maximum(least - 1, 0)
    enough = special.bdtr(fewer, np.asarray(trials).astype(np.int64), rate) >= np.asarray(
        probability
    ) * (1 - ROUNDING)
    return np.where(enough, fewer, least)


def binomial_above(successes: Values, trials: Values, rate: Values) -> np.ndarray:
    """The probability of more successes than that."""
    return np.asarray(special.bdtrc(successes, np.asarray(trials).astype(np.int64), rate))
