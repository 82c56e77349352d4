"""Numbers in, one page out: HTML with its style and figures inside, that asks the network for nothing.

`fusion_page` and `encoder_page` make a page in memory; `write_fusion` and `write_encoder` put it into a folder. Equal input
gives equal bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from ..durable import written_beside
from ..fusion.answer import Answer
from ..fusion.curves import Curves
from ..fusion.summary import as_dict
from ..fusion.verdict import verdict
from ..modality import Drawing
from . import calibration_figures, figures
from .drawing import Figure
from .encoder_view import encoder_view
from .schema import validate, validate_calibration
from .triangle import triangle
from .view import fusion_view

BADGES = {"good": "✓ good", "unknown": "? not checked", "care": "! take care", "bad": "✗ wrong"}


@dataclass(frozen=True)
class Page:
    """A finished page: its HTML, and its figures once more for whoever wants one alone."""

    html: str
    figures: tuple[Figure, ...]


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
    html = _render("fusion.html", **named, **fusion_view(answer))
    return Page(html, tuple(f for f in [*drawn.values(), *calibrated] if f is not None))


def encoder_page(record: dict) -> Page:
    """The calibration page of an encoder, from its record (docs/summary.md, `The record of an encoder`).

    Raises:
        BadSummary: A block that does not follow the schema.
    """
    validate_calibration(record)
    named = record["parameters"].items()
    labels = {p: {k: b[k] for k in ("unit", "latex")} for p, b in named}
    drawn = calibration_figures.figures(record, labels)
    return Page(_render("encoder.html", figures=drawn, **encoder_view(record)), tuple(drawn))


def write_fusion(
    folder: Path, answer: Answer, curves: Curves, drawings: Mapping[str, Drawing] | None = None
) -> Path:
    """`index.html` and `figures/*.svg` in `folder`; the path of the page."""
    return _write_page(Path(folder), fusion_page(answer, curves, drawings))


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
