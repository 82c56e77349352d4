"""One look for every figure, and the same bytes every time.

A figure leaves here as SVG with a caption of two sentences: what good looks like, and what this one says. Identifiers inside
an SVG come from a fixed salt and its metadata carry neither date nor version, so that equal input gives equal files.
"""

import base64
import io
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.figure import Figure as Canvas

from ..words import in_unit, symbol_tex
from .captions import CAPTIONS

INK, PALE, TRUTH, BAND = "#1f2a37", "#9aa5b1", "#c0392b", "#dfe6ee"
TOGETHER = "all together"
CLIP = re.compile(r"\bp[0-9a-f]{10}\b")
HUES = ("#2f6db3", "#d9822b", "#3d9970", "#8e5ea2", "#b58900", "#c2578a", "#5b7f95")
STYLE: Any = {
    "svg.hashsalt": "addend", "svg.fonttype": "path", "figure.facecolor": "white", "lines.linewidth": 1.5,
    "font.family": "DejaVu Sans", "font.size": 9.0, "mathtext.fontset": "dejavusans", "text.color": INK,
    "axes.edgecolor": "#6b7785", "axes.labelcolor": INK, "axes.linewidth": 0.7, "axes.formatter.useoffset": False,
    "axes.spines.top": False, "axes.spines.right": False, "axes.unicode_minus": True,
    "axes.titlesize": 9.5, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "xtick.color": "#4a5563", "ytick.color": "#4a5563", "xtick.labelsize": 8.0, "ytick.labelsize": 8.0,
    "legend.frameon": False, "legend.fontsize": 8.0,
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A finished figure.

    Arguments:
        name: Its file is `<name>.svg`.
        svg: The drawing.
        title: Its heading.
        good: What a good one looks like, one sentence that begins with "Good:".
        says: What this one says, one sentence that begins with "Here:"; empty where there is nothing to say.
        wide: Whether it needs the full width of the page.
    """

    name: str
    svg: str
    title: str
    good: str
    says: str
    wide: bool = True

    @property
    def data_uri(self) -> str:
        """The drawing as the address of an image inside a page."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg.encode()).decode()


def style() -> AbstractContextManager[None]:
    """The look, as a context."""
    return matplotlib.rc_context(STYLE)


def canvas(width: float, height: float) -> Canvas:
    """An empty figure of so many inches, laid out without overlaps."""
    return Canvas(figsize=(width, height), layout="constrained")


def finish(drawing: Canvas, kind: str, says: str, prefix: str = "", wide: bool = True) -> Figure:
    """The figure of a drawing: its SVG with the words of its kind. To be called inside `style()`."""
    buffer = io.StringIO()
    drawing.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    title, good = CAPTIONS[kind]
    return Figure(
        prefix + kind,
        _numbered(buffer.getvalue()),
        title,
        f"Good: {good}",
        f"Here: {says}" if says else "",
        wide,
    )


def _numbered(svg: str) -> str:
    """The clip paths by number: their own names are digests of the last bits of a layout, which depend on the order of sets."""
    order = {name: f"clip{i}" for i, name in enumerate(dict.fromkeys(CLIP.findall(svg)))}
    return CLIP.sub(lambda m: order[m[0]], svg)


def grid(n: int, columns: int, width: float, height: float) -> tuple[Canvas, list[Any]]:
    """A figure with n axes of `width` x `height` inches each, in rows of at most `columns`."""
    columns = 2 if n == 4 else min(n, columns)
    rows = -(-n // columns)
    figure = canvas(width * columns, height * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for ax in axes[n:]:
        ax.set_axis_off()
    return figure, axes[:n]


def axis_label(name: str, unit: str = "1", latex: str = "") -> str:
    """`symbol [unit]` for an axis, of a parameter."""
    return in_unit(f"${symbol_tex(name, latex or name)}$", "1" if unit == "1" else f"[{unit}]")
