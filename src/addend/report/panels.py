"""Data with the fit: what each modality draws of its observations, as the panels of a report.

A modality's package draws the prediction of many thetas at once: theta_hat, and draws from the fused posterior. The first
becomes the curve and the residuals, the others the 68 % band. Where a package is not installed there is no panel.
"""

from collections.abc import Mapping

import numpy as np

from ..fusion.terms import Terms
from ..modality import Columns, Drawing, Points, installed
from .curves import FUSED, Curves, Panel, Samples, Series

DRAWS = 200
BAND = (0.15865, 0.84135)


def panels(
    terms: Terms, numbers: dict, curves: Curves, observations: Mapping[str, Columns]
) -> dict[str, Panel]:
    """The panel of every modality in S that can draw one.

    Arguments:
        terms: What `evaluate` left.
        numbers: What `fuse` left, of which `parameters.<p>.theta_hat` is used.
        curves: Its arrays, of which the fused posterior is used.
        observations: Columns by modality.
    """
    packages = installed()
    theta_hat = {p: block["theta_hat"] for p, block in numbers["parameters"].items()}
    drawn = {}
    for name in terms.used:
        if name in packages and set(packages[name].parameters) <= set(theta_hat):
            theta = _thetas(packages[name].parameters, theta_hat, curves.posterior[FUSED])
            drawn[name] = packages[name].figure(observations[name], theta)
    return {name: _panel(drawing) for name, drawing in drawn.items() if drawing is not None}


def _thetas(
    names: tuple[str, ...], theta_hat: Mapping[str, float], posterior: Samples
) -> np.ndarray:
    """theta_hat, then evenly spaced members of the posterior `(1 + DRAWS, D)`: the same every time, no seed needed."""
    rows = np.linspace(0, len(posterior.values) - 1, min(DRAWS, len(posterior.values))).astype(int)
    draws = posterior.values[rows][:, [posterior.names.index(name) for name in names]]
    return np.concatenate([[[theta_hat[name] for name in names]], draws])


def _panel(drawing: Drawing) -> Panel:
    series = {label: _series(points) for label, points in drawing.series.items()}
    return Panel(drawing.title, drawing.x_label, drawing.y_label, series, drawing.x_log)


def _series(points: Points) -> Series:
    band = np.quantile(points.model_y[1:], BAND, axis=0)
    return Series(
        points.x, points.y, points.yerr, points.expected[0], points.model_x, points.model_y[0], band
    )
