r"""Where the truth lies in the posterior of each repetition: what an audit of posterior intervals counts.

    u_p = posterior mass with theta_p below its true value,        w_k = exp S(theta_k) / q(theta_k)

over points theta_k of a normal law q about theta_hat, `REACH` times as wide as the curvature says and cut off at the bounds
(`calibration.neighbourhood`). A central interval of level alpha holds the truth if |2 u - 1| <= alpha; the region of highest
density, if the mass where S is higher is below alpha. Where the weights of a repetition are carried by too few points the
posterior is nothing like normal, and it is not audited.
"""

import numpy as np
import torch

from ..calibration.coverage import central_credibility, credibility_from_weights
from ..calibration.neighbourhood import Neighbourhood
from ..calibration.ranks import rank_from_weights
from ..maximum.newton import Ascent
from ..scalar import Sum

POINTS, REACH = 256, 1.5
FEWEST, MISSED = 25.0, 0.01
"""Effective points below which a repetition says nothing, and how many such there may be."""


def credibility(
    S: Sum, theta: np.ndarray, top: Ascent, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The levels `(J, D + 1)` at which intervals and region first hold the truths `(J, D)`, and effective points `(J,)`."""
    J, low, high = len(theta), S.space.low, S.space.high
    near = [
        Neighbourhood.around(hat, H, 1, low, high, REACH)
        for hat, H in zip(top.theta.numpy(), _positive(-top.jet.hessian.numpy()), strict=True)
    ]
    points = np.stack([law.draw(POINTS, rng) for law in near])
    log_q = np.stack([law.log_density(at) for law, at in zip(near, points, strict=True)])
    own_q = np.array([law.log_density(at) for law, at in zip(near, theta, strict=True)])
    with torch.no_grad():
        each = S.rows(torch.arange(J).repeat_interleave(POINTS))
        value = each.values(torch.from_numpy(points.reshape(J * POINTS, -1)))
        own = S.values(torch.from_numpy(theta)).numpy()
    found = value.reshape(J, POINTS).numpy()
    weights, own_weight = found - log_q, own - own_q
    joint = credibility_from_weights(found, weights, own, own_weight, rng)
    single = central_credibility(rank_from_weights(points, weights, theta, own_weight, rng))
    return np.column_stack([single, joint]), _effective(weights)


def usable(effective: np.ndarray) -> bool:
    """Whether enough points carried the weights in nearly all repetitions."""
    return bool((effective < FEWEST).mean() <= MISSED)


def _positive(H: np.ndarray) -> np.ndarray:
    """H `(J, D, D)` with negative curvature, as at a bound, taken for none."""
    values, vectors = np.linalg.eigh(H)
    return np.einsum("jab,jb,jcb->jac", vectors, np.maximum(values, 0.0), vectors)


def _effective(log_weights: np.ndarray) -> np.ndarray:
    w = np.exp(log_weights - log_weights.max(axis=1, keepdims=True))
    return w.sum(axis=1) ** 2 / (w**2).sum(axis=1)
