"""Numbers in, one page out: HTML with its style and figures inside, that asks the network for nothing.

`fusion_page` and `encoder_page` make a page in memory; `write_fusion` and `write_encoder` put it into a folder. Equal input
gives equal bytes.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from ..durable import written_beside
from . import calibration_figures, figures
from .curves import Curves
from .drawing import Figure
from .schema import validate, validate_calibration
from .triangle import triangle
from .verdict import verdict
from .view import encoder_view, fusion_view

BADGES = {"good": "✓ good", "unknown": "? not checked", "care": "! take care", "bad": "✗ wrong"}


@dataclass(frozen=True)
class Page:
    """A finished page: its HTML, and its figures once more for whoever wants one alone."""

    html: str
    figures: tuple[Figure, ...]


def fusion_page(summary: dict, curves: Curves) -> Page:
    """The page of a fusion.

    Arguments:
        summary: As in docs/summary.md.
        curves: The arrays that are drawn; a figure without its arrays is left out.

    Raises:
        BadSummary: A summary that does not follow the schema.
    """
    validate(summary)
    drawn = {
        "triangle": triangle(summary, curves.posterior),
        "profiles": figures.profiles(summary, curves.profiles),
        "predictive": figures.panels(summary, curves.panels),
        "forest": figures.forest(summary),
    }
    calibrated = calibration_figures.figures(
        summary["calibration"] or {}, summary["parameters"], "calibration-"
    )
    html = _render(
        "fusion.html",
        figures=drawn,
        calibration=calibrated,
        verdict_=verdict(summary),
        **fusion_view(summary),
    )
    return Page(html, tuple(f for f in [*drawn.values(), *calibrated] if f is not None))


def encoder_page(record: dict) -> Page:
    """The calibration page of an encoder, from its record (docs/summary.md, `The record of an encoder`).

    Raises:
        BadSummary: A block that does not follow the schema.
    """
    validate_calibration(record)
    drawn = calibration_figures.figures(record, record["parameters"])
    return Page(_render("encoder.html", figures=drawn, **encoder_view(record)), tuple(drawn))


def write_fusion(folder: Path, summary: dict, curves: Curves) -> Path:
    """`index.html`, `summary.json` and `figures/*.svg` in `folder`; the path of the page."""
    page = fusion_page(summary, curves)
    _write(
        Path(folder) / "summary.json",
        json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
    )
    return _write_page(Path(folder), page)


def write_encoder(folder: Path, record: dict) -> Path:
    """`index.html` and `figures/*.svg` in `folder`; the path of the page."""
    return _write_page(Path(folder), encoder_page(record))


def _render(template: str, **values) -> str:
    environment = Environment(
        loader=PackageLoader(__package__), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined,
    )  # fmt: skip
    html = environment.get_template(template).render(badges=BADGES, **values)
    return html.replace(" %", "\N{NO-BREAK SPACE}%").replace(
        " ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}"
    )


def _write_page(folder: Path, page: Page) -> Path:
    for figure in page.figures:
        _write(folder / "figures" / f"{figure.name}.svg", figure.svg)
    return _write(folder / "index.html", page.html)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_beside(path) as temporary:
        temporary.write_text(text, encoding="utf8", newline="\n")
    return path
