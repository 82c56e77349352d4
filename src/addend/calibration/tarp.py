"""TARP: a test of the whole posterior at once, whatever the dimension of theta (Lemos et al., arXiv 2302.03026).

Draw a reference point theta_r that knows nothing of theta* beyond the data. The fraction f of posterior mass closer to
theta_r than theta* is then uniform, and if it is uniform for every law of theta_r the posterior is exact. f is a rank
statistic of the scalar function |theta - theta_r|: it is counted as one, exact for any number of samples, and its
bands are Kolmogorov's, so nothing is bootstrapped.

References here lie on a sphere well outside the prior box, in unit coordinates. Seen from there the shells of equal
distance cross a posterior in nearly flat slices of a random direction, so f behaves as a rank along that direction
and |2 f - 1| as the level of a central interval: its coverage curve lies above the diagonal for posteriors too wide
and below for those too narrow, in any dimension. References inside the box (`radius=0`) are the paper's own choice.
"""

from collections.abc import Sequence

import numpy as np

from .coverage import LEVELS, Coverage, central_credibility
from .ranks import mass_below

NAMES = ("closer than the truth",)


def references(
    n: int, dimensions: int, rng: np.random.Generator, radius: float = 3.0
) -> np.ndarray:
    """n reference points `(n, P)`: uniform in the unit cube, then pushed `radius` in a random direction."""
    direction = rng.standard_normal((n, dimensions))
    return rng.random((n, dimensions)) + radius * direction / np.linalg.norm(
        direction, axis=1, keepdims=True
    )


def fraction_closer(
    points: np.ndarray,
    log_weights: np.ndarray,
    truth: np.ndarray,
    truth_log_weight: np.ndarray,
    reference: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """f `(N,)`.

    Arguments:
        points: Posterior samples or weighted points in unit coordinates, `(G, P)` or `(N, G, P)`.
        log_weights: Their log weights `(N, G)`, zeros for samples; see `ranks.rank_from_weights`.
        truth, truth_log_weight: `(N, P)` and `(N,)`.
        reference: `(N, P)`, independent of the truth given the data.
    """
    points = np.broadcast_to(points, (*log_weights.shape, truth.shape[1]))
    distance = np.linalg.norm(points - reference[:, None, :], axis=2)
    return mass_below(
        distance, log_weights, np.linalg.norm(truth - reference, axis=1), truth_log_weight, rng
    )


def coverage(f: np.ndarray, levels: Sequence[float] = LEVELS) -> Coverage:
    """The coverage of central intervals in f `(N,)`, as counts."""
    return Coverage.measure(NAMES, central_credibility(f), levels)
