"""From values and figures to a page: HTML with its style and figures inside, that asks the network for nothing.

Equal input gives equal bytes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ..durable import written_beside
from .drawing import Figure

BADGES = {"good": "✓ good", "unknown": "? not checked", "care": "! take care", "bad": "✗ wrong"}


@dataclass(frozen=True)
class Page:
    """A finished page: its HTML, and its figures once more for whoever wants one alone."""

    html: str
    figures: tuple[Figure, ...]


def render(template: str, **values: Any) -> str:
    environment = Environment(
        loader=PackageLoader(__package__), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined,
    )  # fmt: skip
    html = environment.get_template(template).render(badges=BADGES, **values)
    return html.replace(" %", "\N{NO-BREAK SPACE}%").replace(
        " ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}"
    )


def write_page(folder: Path, page: Page) -> Path:
    for figure in page.figures:
        _write(folder / "figures" / f"{figure.name}.svg", figure.svg)
    return _write(folder / "index.html", page.html)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_beside(path) as temporary:
        temporary.write_text(text, encoding="utf8", newline="\n")
    return path
