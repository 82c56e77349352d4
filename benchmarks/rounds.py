"""A second round of simulations where the first encoder says that it is worth most: `python -m benchmarks rounds`.

The quality of `benchmarks.budget`, of the same mock data sets and the same settings, from n simulations in all: n over the whole
support, or half of them there and half within the ranges that S of the data set leaves (`addend narrow`). Each data set has a
second encoder of its own, which is what a second round costs: it serves nobody else's data.

In the first run (which ended before bao at 10^4) it did not pay. With 5000 chronometers in each round two of the four second
encoders did not hold on held-out rows what they had learned (a loss of -0.15 nat there and of -1.05 on their own), off by
0.4 and 0.95 nat; the other two were as good as the first. Why is not known: the ranges held the truth and the exact posterior.
"""

from pathlib import Path
from typing import Any

from addend import places
from addend.doors import narrow
from addend.encoder import Encoder
from addend.fusion.terms import add
from addend.modality import find
from addend.parameters import read_agreement
from addend.scalar import Lazy
from addend.stages import finetune, pretrain, simulate

from .budget import MODALITIES, Trial, lay_out, parameters_of, row_of, settings_of, trial_of
from .likelihoods import Exact
from .record import cpu, elsewhere, table, write

SIZES, SETS = (1_000, 10_000), 4


def run(quick: bool) -> None:
    """Measure, print and keep."""
    rows: list[dict[str, Any]] = []
    for name in MODALITIES:
        modality, exact = find(name), Exact.of(name)
        project = name, settings_of(name), parameters_of(name)
        trials = [trial_of(modality, exact, project[1], k) for k in range(1 if quick else SETS)]
        for n in SIZES[: 1 if quick else None]:
            with elsewhere(**{name: modality}):
                one, seconds = _trained(project, n)
                found = [row_of("one", [t.off(one.outer) for t in trials], seconds)]
                found.append(_twice(project, n // 2, trials))
            rows += [
                {"modality": name, "n": n, "rounds": row.pop("method"), **row} for row in found
            ]
            print(table(rows[-2:]), flush=True)
            write("rounds", quick, rows)
    print(table(rows))


def _twice(
    project: tuple[str, dict[str, Any], dict[str, Path]], n: int, trials: list[Trial]
) -> dict[str, Any]:
    """n over the support, then n within what S of each data set leaves."""
    first, before = _trained(project, n)
    off, seconds = [], []
    for trial in trials:
        S = add([Lazy(first, trial.columns)], read_agreement(places.ROOT))
        within = {p: list(ends) for p, ends in narrow.ranges(S).items()}
        second, spent = _trained(project, n, within=within)
        off.append(trial.off(second.outer))
        seconds.append(before + spent)
    return row_of("two", off, sum(seconds) / len(seconds))


def _trained(
    project: tuple[str, dict[str, Any], dict[str, Path]], n: int, **more: Any
) -> tuple[Encoder, float]:
    """An encoder of n simulations, and its CPU seconds."""
    lay_out(*project, n, **more)
    with cpu() as clock:
        for stage in (simulate.simulate, pretrain.pretrain, finetune.finetune):
            stage(project[0])
    return Encoder.load(places.encoder(project[0], "head")), clock.seconds
