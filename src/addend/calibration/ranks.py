"""Rank statistics (simulation-based calibration): where the truth falls in its own posterior.

Draw theta* from the prior, data given theta*, and the posterior given the data. The fraction u of posterior mass below
theta* is then uniform on [0, 1], parameter by parameter (Talts et al., arXiv 1804.06788). Uniformity does not prove a
posterior exact, but every departure is an error, and errors have shapes: posteriors too narrow pile u up at both ends,
too wide ones in the middle, shifted ones at one end.

The mass is that of a finite set of points theta_j with weights proportional to posterior / proposal. Counting theta*
itself among them, with its own weight, and spreading ties uniformly makes u *exactly* uniform for any number of points
and any proposal: given the set of values, the truth is the j-th with probability proportional to its weight. Posterior
samples are the case of equal weights; draws from the prior with weights exp(S) are the case that a scalar function
gives for free. Points shared by many data sets leave each u uniform but tie the u of all together: draw several times
more of them than there are data sets, at random (evenly spaced points are not exchangeable with a truth among them).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from ..errors import TooFewSimulations
from ..numerics.tails import binomial_quantile, uneven
from .additive import Additive, summed
from .bands import binomial

BINS = 20


@dataclass(frozen=True, eq=False)
class Ranks(Additive):
    """Histograms of u.

    Arguments:
        names: What is ranked: parameters, or any scalar functions of them.
        counts: Data sets by name and bin `(P, L)`, bins of equal width on [0, 1].
    """

    names: tuple[str, ...]
    counts: np.ndarray = summed()

    @classmethod
    def measure(cls, names: Sequence[str], u: np.ndarray, bins: int = BINS) -> "Ranks":
        """The histograms of u `(N, P)`."""
        u = np.asarray(u, dtype=np.float64).reshape(-1, len(names))
        return cls(
            tuple(names),
            np.array([np.histogram(column, bins=bins, range=(0, 1))[0] for column in u.T]),
        )

    @property
    def n(self) -> int:
        """How many data sets were ranked."""
        return int(self.counts[0].sum())

    def p_values(self) -> np.ndarray:
        """Uniformity, `(P,)`: the least of mean, spread and Pearson's chi^2, each allowed a third of the false alarms."""
        shapes = [2 * ndtr(-np.abs(_offset_and_spread(row)).max()) for row in self._enough()]
        pearson = [uneven(row) for row in self.counts]
        return np.minimum(3 * np.minimum(shapes, pearson), 1.0)

    def band(self, confidence: float = 0.95) -> tuple[float, float]:
        """The counts between which all bins of one uniform histogram lie, at least with probability `confidence`."""
        bins = self.counts.shape[1]
        tail = (1 - confidence) / bins / 2
        low, high = binomial_quantile([tail, 1 - tail], self.n, 1 / bins)
        return float(low), float(high)

    def verdicts(self, false_alarm: float = 0.05) -> dict[str, str]:
        """One word a name: "calibrated", "overconfident", "conservative", "biased" or "distorted".

        All of them are "calibrated" with probability 1 - `false_alarm` for an exact posterior.
        """
        level = false_alarm / len(self.names)
        return {
            name: "calibrated" if p >= level else _shape(row)
            for name, p, row in zip(self.names, self.p_values(), self.counts, strict=True)
        }

    def fractions(self, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The fraction in each bin with its binomial interval, `(P, L)` each."""
        return self._enough() / self.n, *binomial(self.counts, self.n, confidence)

    def _enough(self) -> np.ndarray:
        if self.n < 2 * self.counts.shape[1]:
            raise TooFewSimulations(
                f"{self.n} ranked data sets fill {self.counts.shape[1]} bins, expected at least two a bin",
                "rank more pseudo-experiments or use fewer bins",
            )
        return self.counts


def rank_from_samples(
    samples: np.ndarray, truth: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """u `(N, P)` from posterior samples `(N, S, P)`, independent of each other, and the truths `(N, P)`."""
    flat = np.zeros(samples.shape[:2])
    columns = zip(np.moveaxis(samples, -1, 0), truth.T, strict=True)
    return np.stack([mass_below(values, flat, t, flat[:, 0], rng) for values, t in columns], axis=1)


def rank_from_weights(
    points: np.ndarray,
    log_weights: np.ndarray,
    truth: np.ndarray,
    truth_log_weight: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """u `(N, P)` from weighted points.

    Arguments:
        points: Draws of a proposal, `(G, P)` for all data sets or `(N, G, P)`.
        log_weights: log posterior - log proposal at the points `(N, G)`, up to a constant of each row: S for prior draws.
        truth: `(N, P)`.
        truth_log_weight: The same quantity at the truth `(N,)`.
    """
    points = np.broadcast_to(points, (*log_weights.shape, truth.shape[1]))
    columns = zip(np.moveaxis(points, -1, 0), truth.T, strict=True)
    return np.stack(
        [mass_below(values, log_weights, t, truth_log_weight, rng) for values, t in columns], axis=1
    )


def mass_below(
    values: np.ndarray,
    log_weights: np.ndarray,
    truth: np.ndarray,
    truth_log_weight: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """The mass `(N,)` of `values (N, G)` below `truth (N,)`, the truth's own mass and ties being spread uniformly."""
    top = np.maximum(log_weights.max(axis=1), truth_log_weight)
    w, own = np.exp(log_weights - top[:, None]), np.exp(truth_log_weight - top)
    below = (w * (values < truth[:, None])).sum(axis=1)
    tied = (w * (values == truth[:, None])).sum(axis=1) + own
    return (below + rng.random(len(truth)) * tied) / (w.sum(axis=1) + own)


def _offset_and_spread(row: np.ndarray) -> tuple[float, float]:
    n, middle = row.sum(), (np.arange(len(row)) + 0.5) / len(row) - 0.5
    offset, spread = ((row * m).sum() / n for m in (middle, middle**2))
    return _z(offset, middle, n), _z(spread, middle**2, n)


def _z(mean: float, values: np.ndarray, n: float) -> float:
    return (mean - values.mean()) / np.sqrt(values.var() / n)


def _shape(row: np.ndarray) -> str:
    offset, spread = _offset_and_spread(row)
    if max(abs(offset), abs(spread)) < 2:
        return "distorted"
    if abs(offset) > abs(spread):
        return "biased"
    return "overconfident" if spread > 0 else "conservative"
