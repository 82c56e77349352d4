"""Data with the fit: what each modality draws of its observations.

A modality's package draws the prediction of many thetas at once: theta_hat, and draws from the fused posterior. The first
becomes the curve and the residuals, the others the 68 % band. Where a package is not installed there is no panel.
"""

from collections.abc import Mapping

import numpy as np

from ..fusion.answer import Answer
from ..fusion.curves import FUSED, Curves, Samples
from ..modality import Columns, Drawing, installed

DRAWS = 200


def drawings(
    answer: Answer, curves: Curves, observations: Mapping[str, Columns]
) -> dict[str, Drawing]:
    """What every modality in S that can draw makes of theta_hat and the fused posterior.

    Arguments:
        answer: Of which theta_hat is used.
        curves: Its arrays, of which the fused posterior is used.
        observations: Columns by modality.
    """
    packages = installed()
    theta_hat = {p: a.theta_hat for p, a in answer.parameters.items()}
    drawn = {}
    for name in answer.used:
        if name in packages and set(packages[name].parameters) <= set(theta_hat):
            theta = _thetas(packages[name].parameters, theta_hat, curves.posterior[FUSED])
            drawn[name] = packages[name].figure(observations[name], theta)
    return {name: drawing for name, drawing in drawn.items() if drawing is not None}


def _thetas(
    names: tuple[str, ...], theta_hat: Mapping[str, float], posterior: Samples
) -> np.ndarray:
    """theta_hat, then evenly spaced members of the posterior `(1 + DRAWS, D)`: the same every time, no seed needed."""
    n = len(posterior.values)
    rows = np.linspace(0, n - 1, min(DRAWS, n)).astype(int)
    draws = posterior.values[rows][:, [posterior.names.index(name) for name in names]]
    return np.concatenate([[[theta_hat[name] for name in names]], draws])
