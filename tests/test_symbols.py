"""Whatever a parameter's `latex` says, the report is drawn: typeset where it can be, else shown as text."""

import re
import warnings

import pytest
from matplotlib.mathtext import MathTextParser

from addend.report.drawing import axis_label, grid
from addend.words import symbol_html, symbol_tex, typeset

TYPESET = {
    r"\Omega_m": "<i>Ω</i><sub>m</sub>",
    r"\eta_\mathrm{SPS}": "<i>η</i><sub>SPS</sub>",
    r"\text{SN}": "<i>SN</i>",
    r"\log L_\star": "<i>log</i> L<sub>☆</sub>",
    r"L_{\odot}": "<i>L</i><sub>⊙</sub>",
    r"\Gamma_{a}^{b}": "<i>Γ</i><sub>a</sub><sup>b</sup>",
    r"\sigma_{12}'": "<i>σ</i><sub>12</sub>&#x27;",
    r"\hat\mu": "<i>μ</i>\u0302",
    r"\boldsymbol{\alpha}": "<i>α</i>",
    r"k_*": "<i>k</i><sub>*</sub>",
}
MARKUP = [
    "<script>", r"\frac{<b>}", "a & <b>b</b>", r"\lt img\,src=x\gt", r"\lt script\gt", r"x_\lt", r"a_{\lt b\gt}", r"x_<", "x^<b>",
    r"\amp lt;b", "\ue000b", r"\quot",
]  # fmt: skip
"""Spellings of tags, by letters and by the names of letters."""
UNREADABLE = [
    r"\frac{2}", "x_y_z", r"\nosuchmacro", "}", r"\sqrt[", r"\mathrm{open", "$H_0$", "50%", "a#b", '"', "`", "\\",
    "^", "_", "^^", r"\begin{x}", "two\nlines", r"\left(x", "a&b", r"\def\x{y}", r"x^{a^{b}", "~~", "  ",
]  # fmt: skip


def parses(text: str) -> bool:
    """Whether mathtext draws it, alone and before a unit."""
    for label in (f"${text}$", rf"${text}\,[\mathrm{{km}}]$"):
        MathTextParser("path").parse(label)
    return True


@pytest.mark.parametrize("latex", TYPESET)
def test_what_mathtext_reads_is_typeset_as_it_stands(latex):
    assert typeset(latex, "name") == latex and parses(latex)
    assert symbol_html("name", latex) == TYPESET[latex]


@pytest.mark.parametrize("latex", [*UNREADABLE, *TYPESET, "", "name", "m.eta_imf"])
def test_every_spelling_can_be_drawn(latex):
    assert parses(symbol_tex("m.eta_imf", latex))
    assert "<sub><" not in symbol_html("m.eta_imf", latex)


@pytest.mark.parametrize("latex", ["x_y_z", r"\nosuchmacro", "}", "$H_0$", "50%"])
def test_what_mathtext_cannot_read_is_shown_as_text(latex):
    assert typeset(latex, "name").startswith(r"\mathrm{")
    assert symbol_html("name", latex) == latex


def test_a_page_shows_no_markup_that_a_parameter_brings():
    tags = re.compile(r"<(?!/?(?:i|sub|sup)>)")
    for latex in MARKUP:
        assert not tags.search(symbol_html("p", latex)), latex


def test_a_figure_with_such_labels_is_drawn():
    figure, axes = grid(len(UNREADABLE), 6, 1.0, 0.8)
    for ax, latex in zip(axes, UNREADABLE, strict=True):
        ax.set_xlabel(axis_label("p", {"latex": latex, "unit": "km/s"}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
