"""The figures of a fusion: profiles, data with the fit, and each modality alone beside the sum."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..fusion.answer import Answer, Estimate
from ..fusion.curves import FUSED, ProfileCurve
from ..modality import Drawing, Points
from .drawing import (
    BAND,
    HUES,
    INK,
    PALE,
    TOGETHER,
    TRUTH,
    Figure,
    axis_label,
    canvas,
    finish,
    grid,
    style,
)
from .hues import hues

Curves = Mapping[str, Mapping[str, ProfileCurve]]
BAND_OF = (0.15865, 0.84135)
"""Between these quantiles of the posterior lies the band about a prediction."""
LINES = {"68 %": 1.0, "95 %": 3.841}


def profiles(answer: Answer, curves: Curves) -> Figure | None:
    """2 [S_max - S] along each parameter, for the sum and for each modality that identifies it."""
    names = [p for p in answer.parameters if p in curves.get(FUSED, {})]
    if not names:
        return None
    with style():
        figure, axes = grid(len(names), 3, 2.9, 2.4)
        for ax, p in zip(axes, names, strict=True):
            _profile(ax, p, answer, curves)
        figure.legend(
            *_legend(axes, [TOGETHER, *hues(answer), "truth"]), loc="outside upper left", ncols=6
        )
        return finish(figure, "profiles", _profiles_say(answer, names))


def _profile(ax: Axes, p: str, answer: Answer, curves: Curves) -> None:
    block = answer.parameters[p]
    for m, colour in (hues(answer) | {FUSED: INK}).items():
        if p in curves.get(m, {}):
            c = curves[m][p]
            ax.plot(
                c.theta,
                c.value,
                color=colour,
                lw=2.0 if m == FUSED else 1.2,
                label=TOGETHER if m == FUSED else m,
            )
    for text, height in LINES.items():
        ax.axhline(height, color=PALE, lw=0.8, ls="--")
        ax.annotate(
            text,
            (1.01, height),
            xycoords=("axes fraction", "data"),
            ha="left",
            va="center",
            fontsize=7,
            color="#6b7785",
        )
    if block.truth is not None:
        ax.axvline(block.truth, color=TRUTH, lw=1.0, ls="--", label="truth")
    shown = curves[FUSED][p]
    near = shown.theta[shown.value <= max(9.5, np.sort(shown.value)[1])]
    ax.set(
        xlim=(near.min(), near.max()), ylim=(0, 9), xlabel=axis_label(p, block.unit, block.latex)
    )
    place = ax.get_subplotspec()
    if place and place.is_first_col():
        ax.set_ylabel(r"$2\,[S_{max} - S]$")


def _profiles_say(answer: Answer, names: list[str]) -> str:
    reaching = [p for p in names if any(answer.parameters[p].profile_open_95)]
    if reaching:
        return f"{', '.join(reaching)} meets the edge of the allowed range before it crosses the 95 % line."
    return "every curve crosses both lines on both sides."


def panels(answer: Answer, offered: Mapping[str, Drawing]) -> Figure | None:
    """Data and the fit of every modality that offers a panel, with what is left over in units of the quoted error."""
    drawn = [m for m in answer.modalities if m in offered]
    if not drawn:
        return None
    with style():
        figure = canvas(8.7, 3.3 * len(drawn))
        for row, m in zip(
            np.ravel(figure.subfigures(len(drawn), 1, squeeze=False)), drawn, strict=True
        ):
            above, below = row.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1]})
            _panel(above, below, offered[m], hues(answer)[m])
        return finish(figure, "predictive", _panels_say(offered, drawn))


def _panel(above: Axes, below: Axes, panel: Drawing, hue: str) -> None:
    below.axhspan(-1, 1, color=BAND, lw=0)
    below.axhline(0, color=PALE, lw=0.8)
    for (label, s), colour, mark in zip(
        panel.series.items(), cycle([hue, INK, *HUES]), cycle("osD^v"), strict=False
    ):
        if len(s.model_y) > 1:
            band = np.quantile(s.model_y[1:], BAND_OF, axis=0)
            above.fill_between(s.model_x, *band, color=colour, alpha=0.2, lw=0)
        above.plot(s.model_x, s.model_y[0], color=colour, lw=1.1)
        points: Any = {"fmt": mark, "ms": 4.5, "color": colour, "elinewidth": 1.0}
        above.errorbar(s.x, s.y, yerr=s.yerr, label=label, **points)
        below.errorbar(s.x, residuals(s), yerr=1.0, **points)
    above.set(title=panel.title, ylabel=panel.y_label, ylim=_around(panel))
    largest = max(3.2, *(np.abs(residuals(s)).max() + 1.2 for s in panel.series.values()))
    below.set(xlabel=panel.x_label, ylabel="residual\n[error]", ylim=(-largest, largest))
    below.set_xscale("log" if panel.x_log else "linear")
    below.locator_params(axis="y", nbins=3, integer=True)
    if len(panel.series) > 1:
        above.legend(loc="best", ncols=3)


def _around(panel: Drawing) -> tuple[float, float]:
    low = min(
        np.min(s.y - np.broadcast_to(s.yerr, (2, len(s.y)))[0]) for s in panel.series.values()
    )
    high = max(
        np.max(s.y + np.broadcast_to(s.yerr, (2, len(s.y)))[1]) for s in panel.series.values()
    )
    return low - 0.12 * (high - low), high + 0.12 * (high - low)


def residuals(s: Points) -> np.ndarray:
    """(y - expected) / error `(n,)`, with the error on the side of the prediction where the two differ."""
    below, above = np.broadcast_to(np.asarray(s.yerr), (2, len(s.y)))
    return (s.y - s.expected[0]) / np.where(s.expected[0] > s.y, above, below)


def _panels_say(offered: Mapping[str, Drawing], drawn: list[str]) -> str:
    parts = []
    for m in drawn:
        r = np.concatenate([residuals(s) for s in offered[m].series.values()])
        parts.append(f"{np.sum(np.abs(r) <= 1)} of {len(r)} for {m}")
    return f"within one error lie {', '.join(parts)}."


def forest(answer: Answer) -> Figure | None:
    """Each parameter from each modality alone, from all but one, and from the sum."""
    rows = [(m, "", a.parameters) for m, a in answer.used.items()]
    rows += [(m, "without ", of) for m, of in answer.leave_one_out.items()]
    names = [p for p in answer.parameters if any(p in blocks for _, _, blocks in rows)]
    if not names:
        return None
    with style():
        figure = canvas(1.4 + 1.5 * max(len(names), 2), 0.8 + 0.3 * (len(rows) + 1))
        axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
        for ax, p in zip(axes, names, strict=True):
            _forest(ax, p, answer, rows)
        axes[0].set_yticks(range(len(rows) + 1), [TOGETHER, *(prefix + m for m, prefix, _ in rows)])
        axes[0].set_ylim(len(rows) + 0.5, -0.5)
        return finish(figure, "forest", _forest_says(answer))


def _forest(ax: Axes, p: str, answer: Answer, rows: list[Any]) -> None:
    fused = answer.parameters[p]
    ax.axvspan(*fused.interval_68, color=BAND, lw=0)
    if fused.truth is not None:
        ax.axvline(fused.truth, color=TRUTH, lw=1.0, ls="--")
    _bar(ax, 0, fused, INK)
    for i, (m, prefix, blocks) in enumerate(rows, start=1):
        if p in blocks:
            _bar(ax, i, blocks[p], PALE if prefix else hues(answer)[m])
        else:
            ax.annotate("not bounded", (0.5, i), xycoords=("axes fraction", "data"),
                        ha="center", va="center", fontsize=7, color=PALE)  # fmt: skip
    for line in (0.5, 0.5 + sum(prefix == "" for _, prefix, _ in rows)):
        ax.axhline(line, color=BAND, lw=0.8)
    ax.spines["left"].set_visible(False)
    ax.locator_params(axis="x", nbins=4)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(axis_label(p, fused.unit, fused.latex))


def _bar(ax: Axes, y: int, block: Estimate, colour: str) -> None:
    ax.plot(block.interval_95, [y, y], color=colour, lw=1.0)
    ax.plot(block.interval_68, [y, y], color=colour, lw=3.2, solid_capstyle="butt")
    ax.plot(block.posterior_mean, y, "o", color=colour, ms=5)
    ax.plot(block.theta_hat, y, "|", color="white", ms=5, mew=1.2)


def _forest_says(answer: Answer) -> str:
    moved = [
        (
            abs(b.posterior_mean - answer.parameters[p].posterior_mean) / b.posterior_std,
            m,
            p,
        )
        for m, without in answer.leave_one_out.items()
        for p, b in without.items()
    ]
    if not moved:
        return ""
    shift, m, p = max(moved)
    return f"it moves most for {p} without {m}, by {shift:.1f} of the error that is left."


def _legend(axes: list[Axes], order: list[str]) -> tuple[list[Any], list[str]]:
    found = {
        label: handle
        for ax in axes
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    labels = [label for label in order if label in found]
    return [found[label] for label in labels], labels
