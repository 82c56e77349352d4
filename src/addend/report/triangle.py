"""The triangle plot: every pair of parameters as 68 and 95 % contours, each modality's own and the sum's.

Densities come from getdist (Lewis 2019, arXiv:1910.13970): kernel estimates from samples, corrected at the bounds of the
uniform priors.
"""

import warnings
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
from getdist import MCSamples, chains, plots
from matplotlib import MatplotlibDeprecationWarning

from ..fusion.answer import Answer
from ..fusion.curves import FUSED, Samples
from ..words import in_unit, signed, symbol_tex
from .drawing import INK, TOGETHER, TRUTH, Figure, finish, style
from .hues import hues

matplotlib.use("Agg")  # files only, whatever display there is
chains.print_load_details = False
MOST = 6
SETTINGS = {
    "ignore_rows": 0,
    "smooth_scale_2D": 0.4,
    "smooth_scale_1D": 0.4,
    "fine_bins": 512,
    "fine_bins_2D": 128,
}


def triangle(answer: Answer, posterior: Mapping[str, Samples]) -> Figure | None:
    """The triangle plot of whatever posteriors there are; None where there are none."""
    names = _shown(answer, posterior)
    colours = hues(answer) | {FUSED: INK}
    drawn = [m for m in colours if m in posterior and set(names) & set(posterior[m].names)]
    if not drawn or len(names) < 2:
        return None
    with style(), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", MatplotlibDeprecationWarning
        )  # getdist 1.7.7 asks a formatter for its old attribute
        sets = [_to_getdist(answer, posterior[m], TOGETHER if m == FUSED else m) for m in drawn]
        plotter = _draw(sets, names, [colours[m] for m in drawn], _truth(answer, names))
        plt.close(plotter.fig)
        return finish(plotter.fig, "triangle", _says(answer, names))


def _shown(answer: Answer, posterior: Mapping[str, Samples]) -> list[str]:
    everything = [p for p in answer.parameters if any(p in s.names for s in posterior.values())]
    free = [p for p in everything if answer.parameters[p].constraint is None]
    return everything if len(everything) <= MOST else free[:MOST]


def _to_getdist(answer: Answer, samples: Samples, label: str) -> MCSamples:
    blocks = {p: answer.parameters[p] for p in samples.names}
    units = {p: "1" if b.unit == "1" else rf"\,[\mathrm{{{b.unit}}}]" for p, b in blocks.items()}
    return MCSamples(
        samples=samples.values, weights=samples.weights, names=list(samples.names), label=label, settings=SETTINGS,
        labels=[in_unit(symbol_tex(p, b.latex), units[p]) for p, b in blocks.items()],
        ranges={p: (b.low, b.high) for p, b in blocks.items() if b.constraint is None},
    )  # fmt: skip


def _draw(
    sets: list[MCSamples], names: list[str], colours: list[str], truth: dict[str, float] | None
) -> Any:
    plotter = plots.get_subplot_plotter(width_inch=min(1.0 + 1.7 * len(names), 9.0), scaling=False)
    (
        plotter.settings.axes_fontsize,
        plotter.settings.axes_labelsize,
        plotter.settings.legend_fontsize,
    ) = 8, 10, 10
    (
        plotter.settings.alpha_filled_add,
        plotter.settings.linewidth,
        plotter.settings.figure_legend_frame,
    ) = 0.75, 1.2, False
    plotter.triangle_plot(
        sets, names, filled=[True] * len(sets), contour_colors=colours, legend_labels=[s.label for s in sets],
        contour_lws=0.9, markers=truth, marker_args={"color": TRUTH, "lw": 1.0, "ls": "--"},
    )  # fmt: skip
    return plotter


def _truth(answer: Answer, names: list[str]) -> dict[str, float] | None:
    truth = {p: answer.parameters[p].truth for p in names}
    return {p: v for p, v in truth.items() if v is not None} or None


def _says(answer: Answer, names: list[str]) -> str:
    order, matrix = answer.covariance.parameters, answer.covariance.correlation
    places = {p: order.index(p) for p in names}
    pairs = {(a, b): matrix[places[a]][places[b]] for a, b in combinations(names, 2)}
    a, b = max(pairs, key=lambda pair: abs(pairs[pair]))
    return f"the most closely tied pair is {a} with {b} (correlation {signed(pairs[a, b])})."
