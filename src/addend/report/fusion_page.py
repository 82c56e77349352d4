"""The page of a fusion: an answer with its arrays and the data with the fit."""

from collections.abc import Mapping
from pathlib import Path

from ..fusion.answer import Answer
from ..fusion.curves import Curves
from ..fusion.summary import as_dict
from ..fusion.verdict import verdict
from ..modality import Drawing
from . import calibration_figures, figures
from .rendering import Page, render, write_page
from .summary import validate
from .triangle import triangle
from .view import fusion_view


def fusion_page(
    answer: Answer, curves: Curves, drawings: Mapping[str, Drawing] | None = None
) -> Page:
    """The page of a fusion.

    Arguments:
        answer: What it says.
        curves: The arrays that are drawn; a figure without its arrays is left out.
        drawings: The data of a modality with what theta_hat and draws from the posterior predict of them.

    Raises:
        BadSummary: An answer that does not follow the schema.
    """
    validate(as_dict(answer))
    drawn = {
        "triangle": triangle(answer, curves.posterior),
        "profiles": figures.profiles(answer, curves.profiles),
        "predictive": figures.panels(answer, drawings or {}),
        "forest": figures.forest(answer),
    }
    labels = {p: {"unit": a.unit, "latex": a.latex} for p, a in answer.parameters.items()}
    blocks = dict(answer.calibration or {})
    calibrated = calibration_figures.figures(blocks, labels, "calibration-")
    named = {"figures": drawn, "calibration": calibrated, "verdict_": verdict(answer)}
    html = render("fusion.html", **named, **fusion_view(answer))
    return Page(html, tuple(f for f in [*drawn.values(), *calibrated] if f is not None))


def write_fusion(
    folder: Path, answer: Answer, curves: Curves, drawings: Mapping[str, Drawing] | None = None
) -> Path:
    """`index.html` and `figures/*.svg` in `folder`; the path of the page."""
    return write_page(Path(folder), fusion_page(answer, curves, drawings))
