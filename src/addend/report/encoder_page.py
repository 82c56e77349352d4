"""The page of an encoder: its calibration record in words and figures."""

from pathlib import Path
from typing import Any

from . import calibration_figures
from .encoder_view import encoder_view
from .rendering import Page, render, write_page
from .schema import validate_calibration


def encoder_page(record: dict[str, Any]) -> Page:
    """The calibration page of an encoder, from its record (docs/summary.md, `The record of an encoder`).

    Raises:
        BadSummary: A block that does not follow the schema.
    """
    validate_calibration(record)
    named = record["parameters"].items()
    labels = {p: {k: b[k] for k in ("unit", "latex")} for p, b in named}
    drawn = calibration_figures.figures(record, labels)
    return Page(render("encoder.html", figures=drawn, **encoder_view(record)), tuple(drawn))


def write_encoder(folder: Path, record: dict[str, Any]) -> Path:
    """`index.html` and `figures/*.svg` in `folder`; the path of the page."""
    return write_page(Path(folder), encoder_page(record))
