"""N*, the trust size: how many observations an encoder may be believed for.

A sum over N observations multiplies the learned bias of the score by N and its noise by sqrt(N). theta_hat is off by
H^{-1} b whatever N, while its standard deviation falls as 1 / sqrt(N). Of that there are two, and N* is the N at which the
bias is one of the smaller:

    scatter    H^{-1} J H^{-1} / N, how far theta_hat lies from data set to data set:    N* = 1 / (b' J^{-1} b)
    claimed    H^{-1} / N, the error that the curvature of S states:                     N* = 1 / (b' H^{-1} b)

They are one where J = H. A network that learned its few rows by heart has a large J, in which its bias is hidden, and a
claimed error that is not larger for it. The smaller N* rules, cell by cell and on the whole.

The measured b carries noise: with R simulations and p directions E[b' J^{-1} b] = 1/N* + p/R, and E[b' H^{-1} b] =
1/N* + tr(H^{-1} J)/R. So the noise is subtracted, and the interval is that of the noncentral chi^2 (noncentrality R/N*)
which R b' J^{-1} b follows; R b' H^{-1} b, whose terms have the eigenvalues of H^{-1} J for weights, nearly follows one of
the same mean and variance (Satterthwaite, Biometrics Bulletin 2 (1946) 110). Summed over cells it is again one; the
headline is therefore the harmonic mean over theta, at which the root mean square of the bias is one standard deviation.
No lucky fluctuation earns trust: the lower bound is computed as if the excess over the noise were never negative.

Of a theta the N* is that of the cells `nearest` to it, as many as it has parameters and one more, taken together: their root mean
square, not an interpolation, in which biases of opposite sign would cancel.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import chdtr, chndtrinc

from .additive import plain
from .score import ScoreMoments, claimed_bias, squared_bias
from .subspace import pseudo_inverse


@dataclass(frozen=True)
class TrustSize:
    """N* over theta. Numbers of observations; infinite where the bias is too small to be measured.

    Arguments:
        value, low, high: The headline with its one-sided bounds, each at `confidence`.
        cells: theta of each cell `(K, P)`.
        local, local_low, local_high: The map over the cells `(K,)`, each bound by itself at `confidence`.
        worst_low: A lower bound that holds for all cells at once at `confidence`.
        confidence: As in 0.95.
        ruler: The error in which the bias is larger, "scatter" or "claimed": that of the headline.
    """

    value: float
    low: float
    high: float
    cells: np.ndarray
    local: np.ndarray
    local_low: np.ndarray
    local_high: np.ndarray
    worst_low: float
    confidence: float
    ruler: str

    @property
    def quoted(self) -> float:
        """The one number to quote: the headline, or its lower bound where the bias is lost in noise."""
        return float(self.value if np.isfinite(self.value) else self.low)

    @property
    def local_quoted(self) -> np.ndarray:
        """The same of each cell `(K,)`."""
        return np.where(np.isfinite(self.local), self.local, self.local_low)

    def as_dict(self) -> dict[str, Any]:
        """The numbers as plain JSON, an infinity as None."""
        return plain(asdict(self))


@dataclass(frozen=True)
class Squared:
    """A squared bias times its simulations, as measured in K cells: near c chi^2 with f degrees, its noise c f.

    Arguments:
        t2: `(K,)`, noise included.
        weights, squares: Sums of the eigenvalues of its noise and of their squares `(K,)`.
        n: Simulations `(K,)`.
    """

    t2: np.ndarray
    weights: np.ndarray
    squares: np.ndarray
    n: np.ndarray

    @property
    def pooled(self) -> "Squared":
        """All cells together, as one."""
        return Squared(
            *(a.sum(keepdims=True) for a in (self.t2, self.weights, self.squares, self.n))
        )

    def part(self, rows: np.ndarray) -> "Squared":
        """Some of the cells."""
        return Squared(self.t2[rows], self.weights[rows], self.squares[rows], self.n[rows])

    def value(self) -> np.ndarray:
        """N* `(K,)` with the noise subtracted."""
        return np.array(
            [_invert(max(t, 0.0) / n) for t, n in zip(self.t2 - self.weights, self.n, strict=True)]
        )

    def bound(self, below: float) -> np.ndarray:
        """N* `(K,)` at which less than the measured t2 has the probability `below`."""
        rows = zip(self.t2, self.weights, self.squares, self.n, strict=True)
        return np.array([_bound(*row, below) for row in rows])


Bias = Mapping[str, Squared]
"""The squared bias of every cell, by the error that it is held against."""


def measured_bias(moments: ScoreMoments) -> Bias:
    """The bias in both errors, from the score moments of a pool that the encoder never saw."""
    return {"scatter": _in_scatter(moments), "claimed": _in_claimed(moments)}


def trust_size(
    moments: ScoreMoments,
    confidence: float = 0.95,
    rows: np.ndarray | None = None,
    bias: Bias | None = None,
) -> TrustSize:
    """N* from the score moments of a pool that the encoder never saw; of some rows of its cells, or of all.

    Arguments:
        bias: `measured_bias` of the moments, where it is known already.
    """
    rows = np.arange(len(moments.n)) if rows is None else rows
    found = {ruler: s.part(rows) for ruler, s in (bias or measured_bias(moments)).items()}
    tail = 1 - confidence

    def least(of: Callable[[Squared], np.ndarray]) -> np.ndarray:
        return np.minimum(*(of(squared) for squared in found.values()))

    lows = {ruler: float(s.pooled.bound(tail)[0]) for ruler, s in found.items()}
    return TrustSize(
        float(least(lambda s: s.pooled.value())[0]), min(lows.values()),
        float(least(lambda s: s.pooled.bound(1 - tail))[0]),
        moments.cells[rows], least(Squared.value), least(lambda s: s.bound(tail)),
        least(lambda s: s.bound(1 - tail)), float(least(lambda s: s.bound(tail / len(s.n))).min()),
        confidence, min(lows, key=lows.__getitem__),
    )  # fmt: skip


def nearest(cells: np.ndarray, theta: np.ndarray, width: np.ndarray) -> np.ndarray:
    """The rows of the P + 1 cells `(K, P)` nearest to theta `(P,)`, in parts of the support's `width (P,)`."""
    distance = (((cells - theta) / width) ** 2).sum(axis=1)
    return np.sort(np.argsort(distance, kind="stable")[: len(theta) + 1])


def _in_scatter(moments: ScoreMoments) -> Squared:
    size, p = squared_bias(moments)
    n, p = moments.n, p.astype(np.float64)
    return Squared(n * size * (n - p - 2) / (n - 1), p, p, n)


def _in_claimed(moments: ScoreMoments) -> Squared:
    size, ratios = claimed_bias(moments)
    weights, squares = (np.array([(r**k).sum() for r in ratios]) for k in (1, 2))
    return Squared(moments.n * size, weights, squares, moments.n)


def fused_bias(
    bias: np.ndarray, J: np.ndarray, n: np.ndarray, simulations: np.ndarray
) -> tuple[float, float]:
    """The squared bias of a fused theta_hat in its own standard deviations, noise subtracted, and that noise.

    Arguments:
        bias, J: Each modality's b `(M, P)` and J `(M, P, P)` at theta_hat, with zeros for parameters it does not have.
        n: Observations of each `(M,)`.
        simulations: Simulations behind each b `(M,)`.
    """
    inverse = pseudo_inverse(np.einsum("m,mpq->pq", n, J))
    total = np.einsum("m,mp->p", n, bias)
    noise = float(np.einsum("m,mpq,pq->", n**2 / simulations, J, inverse))
    return float(total @ inverse @ total) - noise, noise


def _bound(t2: float, weights: float, squares: float, n: float, below: float) -> float:
    """N* whose noncentral chi^2 lies below the measured t2 with probability `below`."""
    if weights == 0 or np.isinf(t2):
        return 0.0 if t2 > 0 else np.inf
    c, f = squares / weights, weights**2 / squares
    t2 = max(t2, weights) / c if below < 0.5 else t2 / c
    return _invert(c * chndtrinc(t2, f, below) / n) if chdtr(f, t2) > below else np.inf


def _invert(size: float) -> float:
    return 1 / size if size > 0 else np.inf
