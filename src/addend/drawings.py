"""What a modality draws of its observations: measurements, and what each theta predicts of them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Points:
    """One kind of measurement against an axis, with what J thetas predict of it.

    Arguments:
        x: Where measured `(N,)`.
        y: The measurements `(N,)`.
        yerr: Their errors `(N,)`, or `(2, N)`: below, above.
        expected: What each theta predicts of each `(J, N)`.
        model_x: Where a curve is drawn `(k,)`, rising.
        model_y: The curve of each theta `(J, k)`.
    """

    x: np.ndarray
    y: np.ndarray
    yerr: np.ndarray
    expected: np.ndarray
    model_x: np.ndarray
    model_y: np.ndarray


@dataclass(frozen=True)
class Drawing:
    """Observations with predictions, for one panel of a report.

    Arguments:
        title: What is shown.
        x_label, y_label: Axis labels with units; mathtext between dollar signs is typeset.
        series: Measurements by label.
        x_log: Whether x is drawn on a logarithmic axis.
    """

    title: str
    x_label: str
    y_label: str
    series: dict[str, Points]
    x_log: bool = False
