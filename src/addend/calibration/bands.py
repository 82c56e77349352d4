"""Binomial and Kolmogorov bands: how far a measured fraction may lie from the true one by chance.

One fraction, k of n: the exact interval of Clopper and Pearson (Biometrika 26 (1934) 404).
A whole curve at once: sup |F_n - F| has the exact Kolmogorov law for every continuous F, of which
P(sup > d) <= 2 exp(-2 n d^2) is the well-known bound (Massart, Annals of Probability 18 (1990) 1269). Read at finitely
many levels the supremum can only be smaller, so the stated false-alarm rate is kept.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special


def binomial(k: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """The exact interval for a fraction of which k `(*)` of n `(*)` were seen."""
    k, n = np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64)
    tail = (1 - confidence) / 2
    low = np.where(k > 0, special.betaincinv(np.maximum(k, 1e-300), n - k + 1, tail), 0.0)
    high = np.where(k < n, special.betaincinv(k + 1, np.maximum(n - k, 1e-300), 1 - tail), 1.0)
    return low, high


def kolmogorov(n: float, false_alarm: float = 0.05) -> float:
    """The half-width that the empirical law of n draws leaves anywhere with probability `false_alarm`."""
    from scipy.stats import kstwo  # which takes a second to import, and most never ask

    return float(kstwo.ppf(1 - false_alarm, max(int(n), 1)))
