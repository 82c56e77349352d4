"""N*, the trust size: how many observations an encoder may be believed for.

A sum over N observations multiplies the learned bias of the score by N and its noise by sqrt(N). theta_hat is off by
H^{-1} b whatever N, while its standard deviation is sqrt(H^{-1} J H^{-1} / N); the bias is one standard deviation at

    N*(theta) = 1 / (b' J^{-1} b).

The measured b carries noise: with R simulations and p directions E[b' J^{-1} b] = 1/N* + p/R. So the noise is
subtracted, and the interval is that of the noncentral chi^2 (noncentrality R/N*) which R b' J^{-1} b follows. Summed
over cells it is again a noncentral chi^2; the headline is therefore the harmonic mean over theta, at which the root
mean square of the bias is one standard deviation. No lucky fluctuation earns trust: the lower bound is computed as if
the excess over the noise were never negative.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import chdtr, chndtrinc

from .additive import plain
from .score import ScoreMoments, squared_bias
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

    def as_dict(self) -> dict[str, Any]:
        """The numbers as plain JSON, an infinity as None."""
        return plain(asdict(self))


def trust_size(moments: ScoreMoments, confidence: float = 0.95) -> TrustSize:
    """N* from the score moments of a pool that the encoder never saw."""
    size, p = squared_bias(moments)
    n, tail = moments.n, 1 - confidence
    t2 = n * size * (n - p - 2) / (n - 1)
    local = [_invert(_estimate(*args)) for args in zip(t2, p, n, strict=True)]
    tails = (tail, 1 - tail, tail / len(n))
    low, high, every = (
        np.array([_bound(*args, q) for args in zip(t2, p, n, strict=True)]) for q in tails
    )
    pooled = (t2.sum(), p.sum(), n.sum())
    return TrustSize(
        _invert(_estimate(*pooled)), _bound(*pooled, tail), _bound(*pooled, 1 - tail),
        moments.cells, np.array(local), low, high, float(every.min()), confidence,
    )  # fmt: skip


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


def _estimate(t2: float, p: float, n: float) -> float:
    return max(t2 - p, 0.0) / n


def _bound(t2: float, p: float, n: float, below: float) -> float:
    """N* whose noncentral chi^2 lies below the measured t2 with probability `below`."""
    if p == 0 or np.isinf(t2):
        return 0.0 if t2 > 0 else np.inf
    t2 = max(t2, p) if below < 0.5 else t2
    return _invert(chndtrinc(t2, p, below) / n) if chdtr(p, t2) > below else np.inf


def _invert(size: float) -> float:
    return 1 / size if size > 0 else np.inf
