"""The audit of the fusions at full size, and the learned answer against the exact likelihood's.

For every fusion that has been fitted (`make demo`), 2000 pseudo-experiments that taught nothing say how often the sets of
each method hold the truth, with 95 % binomial bands. The same simulated data are then given to the exact likelihoods of
the modalities; the intervals that the two draw from the real data, each by its own critical values, are compared.

`make audit`, or `python -m benchmarks.audit [fusion] [teach] [audit]`: about three minutes a fusion on one core.
"""

import json
import sys
import time
from dataclasses import replace

import numpy as np
import torch
from scipy.stats import binom

from addend import shards
from addend.maximum import maximise, profile_interval
from addend.report import FUSED, read_curves
from addend.scalar import Sum, constraints
from addend.stages import places
from addend.stages.audited import audited
from addend.stages.calibrate_fusion import Budget, Known, run
from addend.stages.experiments import Laboratory
from addend.stages.fusion import read_terms
from addend.stages.neyman import Criticals, intervals

from .likelihoods import HEADS, Exact
from addend.modality import find

TEACH, AUDIT = 4000, 2000
LEVELS = (0.6826894921370859, 0.9544997361036416)


def main(*arguments: str) -> None:
    """The fusions of params.yaml, or the one named."""
    torch.set_num_threads(1)
    names = [arguments[0]] if arguments else [p.parent.name for p in sorted(places.ROOT.glob("data/fusions/*/fit"))]
    if not names:
        print("There is no fitted fusion to audit; run 'make demo' first.")
    budget = Budget(*(int(a) for a in arguments[1:3])) if len(arguments) > 2 else Budget(TEACH, AUDIT)
    for name in names:
        start = time.monotonic()
        audit(name, budget)
        print(f"{name}: {time.monotonic() - start:.0f} s\n")


def audit(fusion: str, budget: Budget) -> None:
    """Print coverage by method, closure, tension, and the comparison with the exact likelihood."""
    learned, samples, q = laboratory(fusion)
    print(f"\n{fusion}: {budget.teach} repetitions teach, {budget.audit} audit, N = {sum(learned.n.values())}")
    found = _one("learned", learned, samples, q, budget)
    if set(learned.encoders) <= set(HEADS):
        other = _one("exact", exact(learned), samples, q, replace(budget, audit=max(budget.audit // 4, 2)))
        _compare(found, other)


def laboratory(fusion: str) -> tuple[Laboratory, np.ndarray, float | None]:
    """A fusion with its simulators, posterior samples, and the tension of the real data."""
    terms, folder = read_terms(fusion), places.fusion(fusion, "fit")
    observed = {m: shards.read_set(places.fusion(fusion, "observations") / m).columns for m in terms.used}
    stated = json.loads((folder / "fit.json").read_text())["tension"]
    known = Known(read_curves(folder / "curves.npz").posterior[FUSED].values, stated and stated["Q"])
    return Laboratory(terms.scalar, terms.encoders, {m: find(m) for m in terms.used}, observed), known.samples, known.q


def exact(learned: Laboratory) -> Laboratory:
    """The same fusion with log p itself in the place of every encoder."""
    heads = {m: Exact.of(m) for m in learned.encoders}
    terms = [heads[m].scalar(columns) for m, columns in learned.observed.items()]
    return replace(learned, scalar=Sum([*terms, *constraints(learned.space)], learned.space), encoders=heads)


def _one(word: str, lab: Laboratory, samples: np.ndarray, q: float | None, budget: Budget) -> dict[str, list]:
    fit = maximise(lab.scalar)
    taught, seen = run(word, lab, fit, samples, budget)
    criticals = Criticals.learn(taught)
    blocks, said = audited(seen, criticals, fit, sum(lab.n.values()), q)
    _coverage(word, blocks)
    for sentence in said:
        print("  !", sentence)
    sets = {p: intervals(lab.scalar, fit, p, c) for p, c in criticals.single.items()}
    return {p: [*((i.low, i.high) for i in (profile_interval(lab.scalar, fit, p, a) for a in LEVELS)), *sets[p]] for p in sets}


def _coverage(word: str, blocks: dict) -> None:
    n = blocks["audit"]["trials"]
    bands = ", ".join(f"{a:.3f} in [{low / n:.3f}, {high / n:.3f}]" for a in LEVELS for low, high in [binom.interval(0.95, n, a)])
    print(f"\n{word}: fraction of {n} that held the truth; chance allows {bands}")
    for method, hits in blocks["audit"]["hits"].items():
        print(f"  {'together, ' + method:38s}" + "  ".join(f"{h / n:.3f}" for h in hits))
    for curve in blocks["coverage"]:
        at = [int(np.argmin(np.abs(np.array(curve["levels"]) - a))) for a in LEVELS]
        for p, hits in curve["hits"].items():
            print(f"  {curve['label'] + ', ' + p:38s}" + "  ".join(f"{hits[i] / n:.3f}" for i in at))
    for p, mean in blocks["pulls"]["mean"].items():
        print(f"  pull of {p:30s}{mean:+.3f}, spread {blocks['pulls']['spread'][p]:.3f}")
    if "tension" in blocks:
        print(f"  tension Q = {blocks['tension']['observed']:.2f}, p = {blocks['tension']['p_value']:.3f} simulated")


def _compare(learned: dict, exact: dict) -> None:
    words = ("textbook 68 %", "textbook 95 %", "Neyman 68 %", "Neyman 95 %")
    print("\nlearned over exact: width of the intervals of the data, and shift of their middle in exact half-widths")
    for p, ours in learned.items():
        cells = []
        for word, a, b in zip(words, ours, exact[p], strict=True):
            half = (b[1] - b[0]) / 2
            cells.append(f"{word} {(a[1] - a[0]) / (b[1] - b[0]):.3f} ({(sum(a) - sum(b)) / 2 / half:+.3f})")
        print(f"  {p:22s} " + "   ".join(cells))


if __name__ == "__main__":
    main(*sys.argv[1:])
