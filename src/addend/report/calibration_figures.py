"""The figures of a calibration record, for an encoder's page and for the section of a fusion.

Each is drawn from counts and numbers that `calibrate` and `calibrate-fusion` wrote (docs/summary.md, `calibration`), and is
None where its block is absent. Bands are binomial, pointwise; with k points drawn, about 5 % of k lie outside by chance.
"""

from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm

from ..numerics.tails import binomial_quantile, uneven
from ..words import about, percent, signed
from .drawing import BAND, HUES, INK, PALE, TRUTH, Figure, axis_label, canvas, finish, grid, style


def figures(record: dict[str, Any], parameters: dict[str, Any], prefix: str = "") -> list[Figure]:
    """Every figure that the record holds the numbers of.

    Arguments:
        record: Blocks as in docs/summary.md.
        parameters: `unit` and `latex` of each parameter, by name.
        prefix: Put before the names of the files.
    """
    drawn = []
    for draw in (
        trust,
        ranks,
        coverage,
        score,
        information,
        normalisation,
        audit,
        critical,
        pulls,
        tension,
    ):
        if record.get(draw.__name__):
            with style():
                drawn.append(draw(record[draw.__name__], parameters, prefix))
    return drawn


def ranks(blocks: list[dict[str, Any]], parameters: dict[str, Any], prefix: str = "") -> Figure:
    """Rank histograms: where the true value falls among posterior samples."""
    figure, axes = grid(len(blocks), 3, 2.9, 2.1)
    for ax, b in zip(axes, blocks, strict=True):
        counts, n = np.array(b["counts"], dtype=float), sum(b["counts"])
        low, high = binomial_quantile([0.025, 0.975], n, 1 / len(counts))
        ax.axhspan(low, high, color=BAND, lw=0)
        ax.bar(np.arange(len(counts)) + 0.5, counts, width=0.9, color=HUES[0])
        ax.set(
            title=f"{b['parameter']}, N = {b['n_obs']}",
            xticks=[],
            ylabel="simulations",
            xlabel="rank of the truth",
        )
    worst = min(blocks, key=lambda b: uneven(b["counts"]))
    chance = _of_worst(uneven(worst["counts"]), len(blocks))
    where = f"{worst['parameter']} at N = {worst['n_obs']}"
    says = f"the least flat is {where}; chance makes the least flat of {len(blocks)} this uneven in {chance} of cases."
    return finish(figure, "ranks", says, prefix)


def coverage(blocks: list[dict[str, Any]], parameters: dict[str, Any], prefix: str = "") -> Figure:
    """Expected coverage: how often regions of a stated credibility hold the truth."""
    figure, axes = grid(len(blocks), 3, 2.9, 2.9)
    gaps = {}
    for ax, b in zip(axes, blocks, strict=True):
        levels = np.array(b["levels"])
        ax.fill_between(
            levels,
            *(binomial_quantile([[0.025], [0.975]], b["trials"], levels) / b["trials"]),
            color=BAND,
            lw=0,
        )
        ax.plot([0, 1], [0, 1], color=PALE, lw=0.8, ls="--")
        for (name, hits), colour in zip(b["hits"].items(), cycle(HUES), strict=False):
            ax.plot(levels, np.array(hits) / b["trials"], color=colour, lw=1.2, label=name)
            gaps[f"{name} at N = {b['n_obs']}"] = np.max(
                np.abs(np.array(hits) / b["trials"] - levels)
            )
        ax.set(title=f"{b['label']}, N = {b['n_obs']}", xlabel="stated", ylabel="held the truth")
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        ax.legend(loc="upper left", fontsize=6.5, handlelength=1.2)
    worst = max(gaps, key=gaps.__getitem__)
    says = f"the largest of {len(gaps)} gaps is {100 * gaps[worst]:.1f} points, {worst} ({blocks[0]['trials']} simulations)."
    return finish(figure, "coverage", says, prefix)


def trust(block: dict[str, Any], parameters: dict[str, Any], prefix: str = "") -> Figure:
    """N*(theta), the number of observations at which the learned bias reaches one standard deviation."""
    theta, sizes = np.array(block["theta"], dtype=float), np.array(block["n_star"], dtype=float)
    names, norm = block["parameters"], LogNorm(sizes.min() / 1.01, sizes.max() * 1.01)
    figure = canvas(5.0, 3.3)
    ax = figure.subplots()
    y = theta[:, 1] if len(names) > 1 else sizes
    for chosen, mark in ((np.array(block["bound"]), "^"), (~np.array(block["bound"]), "o")):
        dots = ax.scatter(
            theta[chosen, 0], y[chosen], c=sizes[chosen], marker=mark, norm=norm, cmap="cividis"
        )
    if len(names) > 1:
        figure.colorbar(dots, ax=ax, label="trust size N*")
        ax.set_ylabel(axis_label(names[1], **parameters.get(names[1], {})))
    else:
        ax.set(yscale="log", ylabel="trust size N*")
    ax.set_xlabel(axis_label(names[0], **parameters.get(names[0], {})))
    need = f"{block['expected_n']:,} observations are expected, {percent(block['expected_n'] / block['headline'])} of it"
    says = f"the trust size is {about(block['headline'])}, with 95 % confidence at least {about(block['low'])}; {need}."
    return finish(figure, "trust", says, prefix, wide=False)


def score(block: dict[str, Any], parameters: dict[str, Any], prefix: str = "") -> Figure:
    """The mean score at simulated data, over its own error, at each design point."""
    z = np.array(block["z"], dtype=float)
    figure = canvas(5.0, 0.9 + 0.45 * z.shape[1])
    ax = figure.subplots()
    ax.axvspan(-2, 2, color=BAND, lw=0)
    for i in range(z.shape[1]):
        ax.plot(z[:, i], np.full(len(z), i), "|", color=HUES[0], ms=11, mew=1.1, alpha=0.7)
    ax.set_yticks(range(z.shape[1]), block["parameters"])
    ax.set(ylim=(z.shape[1] - 0.5, -0.5), xlabel="mean score / its error")
    outside = np.mean(np.abs(z) > 2)
    chance = percent(block["p_value"])
    says = f"{percent(outside)} lie outside (5 % by chance); all together, chance gives this much in {chance} of cases."
    return finish(figure, "score", says, prefix, wide=False)


def information(block: dict[str, Any], parameters: dict[str, Any], prefix: str = "") -> Figure:
    """Eigenvalues of H^-1 J, the variance of the score over its curvature."""
    values = np.concatenate(block["eigenvalues"])
    figure = canvas(5.0, 1.3)
    ax = figure.subplots()
    ax.axvspan(0.9, 1.1, color=BAND, lw=0)
    ax.axvline(1, color=PALE, lw=0.8)
    ax.plot(values, np.zeros(len(values)), "|", color=HUES[0], ms=14, mew=1.1, alpha=0.7)
    ax.set(yticks=[], ylim=(-1, 1), xlabel="variance of the score / curvature")
    ax.spines["left"].set_visible(False)
    inside = percent(np.mean(np.abs(values - 1) <= 0.1))
    says = (
        f"they range from {values.min():.2f} to {values.max():.2f}, {inside} of them in the band."
    )
    return finish(figure, "information", says, prefix, wide=False)


def normalisation(block: dict[str, Any], parameters: dict[str, Any], prefix: str = "") -> Figure:
    """The logarithm of the integral of exp psi over x, which is 0 for a density."""
    value, error = np.array(block["log_integral"]), np.array(block["error"])
    figure = canvas(5.0, 2.3)
    ax = figure.subplots()
    ax.axhline(0, color=PALE, lw=0.8)
    ax.errorbar(
        np.arange(1, len(value) + 1),
        value,
        yerr=error,
        fmt="o",
        ms=4,
        color=HUES[0],
        elinewidth=1.0,
    )
    reach = max(1e-3, 1.2 * float((np.abs(value) + error).max()))
    ax.set(xlabel="design point", ylabel="log integral [nats]", ylim=(-reach, reach))
    says = f"at most {np.abs(value).max():.2g} nats away, where the error of the check is {np.median(error):.1g}."
    return finish(figure, "normalisation", says, prefix, wide=False)


def audit(block: dict[str, Any], parameters: dict[str, Any], prefix: str = "") -> Figure:
    """How often each kind of interval held the truth in simulated repetitions of the whole fusion."""
    n, levels, methods = block["trials"], np.array(block["levels"]), list(block["hits"])
    figure = canvas(5.0, 0.9 + 0.4 * len(methods) * len(levels))
    ax = figure.subplots()
    labels = []
    for i, level in enumerate(levels):
        y = np.arange(len(methods)) + i * (len(methods) + 0.5)
        low, high = binomial_quantile([0.025, 0.975], n, level) / n
        ax.fill_betweenx([y[0] - 0.45, y[-1] + 0.45], low, high, color=BAND, lw=0)
        ax.plot([block["hits"][m][i] / n for m in methods], y, "o", color=HUES[0])
        labels += [(place, f"{m}, {percent(level)}") for place, m in zip(y, methods, strict=True)]
    ax.set_yticks([place for place, _ in labels], [text for _, text in labels])
    ax.invert_yaxis()
    ax.set_xlabel(f"fraction of {n} that held the truth")
    gaps = [
        f"{m} off by {100 * np.max(np.abs(np.array(block['hits'][m]) / n - levels)):.1f} points"
        for m in methods
    ]
    return finish(figure, "audit", f"{'; '.join(gaps)}.", prefix, wide=False)


def critical(blocks: list[dict[str, Any]], parameters: dict[str, Any], prefix: str = "") -> Figure:
    """Critical values of 2 [S_max - S] over one parameter, learned and from Wilks' theorem."""
    names = list(dict.fromkeys(b["parameter"] for b in blocks))
    figure, axes = grid(len(names), 3, 2.9, 2.5)
    for ax, p in zip(axes, names, strict=True):
        for i, b in enumerate(b for b in blocks if b["parameter"] == p):
            ax.plot(
                b["theta"],
                b["calibrated"],
                color=HUES[i],
                label=f"{percent(b['level'])}, calibrated",
            )
            ax.axhline(b["profile"], color=HUES[i], lw=0.9, ls="--", label="profile")
            if b.get("theta_hat") is not None:
                ax.axvline(b["theta_hat"], color=INK, lw=0.8, ls=":")
        ax.set(
            xlabel=axis_label(p, **parameters.get(p, {})), ylabel="critical value", ylim=(0, None)
        )
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=4)
    ratio = [np.array(b["calibrated"]) / b["profile"] for b in blocks]
    low, high = min(map(np.min, ratio)), max(map(np.max, ratio))
    says = f"the calibrated values are {low:.2f} to {high:.2f} times those of profiles; intervals go as the square root."
    return finish(figure, "critical", says, prefix)


def pulls(block: dict[str, Any], parameters: dict[str, Any], prefix: str = "") -> Figure:
    """Mean and spread of the pulls in many mock universes."""
    names, n = list(block["mean"]), block["universes"]
    mean, spread = (np.array([block[key][p] for p in names]) for key in ("mean", "spread"))
    figure = canvas(5.0, 0.9 + 0.4 * len(names))
    ax = figure.subplots()
    ax.axvspan(-1.96 / np.sqrt(n), 1.96 / np.sqrt(n), color=BAND, lw=0)
    for x in (-1, 0, 1):
        ax.axvline(x, color=PALE, lw=0.8, ls="-" if x == 0 else "--")
    ax.errorbar(
        mean, range(len(names)), xerr=spread, fmt="o", color=HUES[0], ms=4.5, elinewidth=1.2
    )
    ax.set_yticks(range(len(names)), names)
    ax.set(
        ylim=(len(names) - 0.5, -0.5), xlabel=f"(found − true) / error, mean and spread over {n}"
    )
    a, b = np.argmax(np.abs(mean)), np.argmax(np.abs(spread - 1))
    centred = f"the mean farthest from zero is {signed(mean[a])} for {names[a]}"
    says = f"{centred}; the spread farthest from one is {spread[b]:.2f} for {names[b]}."
    return finish(figure, "pulls", says, prefix, wide=False)


def tension(block: dict[str, Any], parameters: dict[str, Any], prefix: str = "") -> Figure:
    """The tension statistic of the real data among simulated ones that agree by construction."""
    figure = canvas(5.0, 2.3)
    ax = figure.subplots()
    ax.hist(block["simulated"], 30, color=PALE, alpha=0.8)
    ax.axvline(block["observed"], color=TRUTH, lw=1.5)
    ax.set(xlabel="tension Q", ylabel="simulations")
    says = f"Q = {block['observed']:.1f}; {percent(block['p_value'])} of {len(block['simulated'])} simulations lie beyond."
    return finish(figure, "tension", says, prefix, wide=False)


def _of_worst(p_value: float, n: int) -> str:
    return percent(1 - (1 - p_value) ** n)
