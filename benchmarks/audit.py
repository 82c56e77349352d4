"""The audit of the fusions at full size, and the learned answer against the exact likelihood's.

For every fusion that has been fitted (`make demo`), 2000 pseudo-experiments that taught nothing say how often the sets of
each method hold the truth, with 95 % binomial bands. The same simulated data are then given to the exact likelihoods of
the modalities; the intervals that the two draw from the real data, each by its own critical values, are compared.

`make audit`, or `python -m benchmarks.audit [fusion ...]`: three minutes a fusion on one core, a fifth of it with --quick.
"""

import sys
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.stats import binom

from addend import places, shards
from addend.answers import ANSWER, CURVES, read_answer, read_curves
from addend.evaluated import read_terms
from addend.fusion.audit import blocks_of, error_audits, said_of
from addend.fusion.calibrated import Plan
from addend.fusion.calibrated import run as repetitions
from addend.fusion.critical import Criticals, intervals
from addend.fusion.curves import FUSED
from addend.fusion.experiments import Laboratory
from addend.maximum import maximise, profile_interval
from addend.modality import find
from addend.scalar import Sum, constraints

from .likelihoods import HEADS, Exact
from .record import table, write

FULL, QUICK = Plan(4000, 2000), Plan(800, 400)
LEVELS = (0.6826894921370859, 0.9544997361036416)
INTERVALS = ("profile 68 %", "profile 95 %", "calibrated 68 %", "calibrated 95 %")


@dataclass(frozen=True)
class Known:
    """What a fit has found: draws of the posterior `(n, D)`, and the tension Q of the real data, if any."""

    samples: np.ndarray
    q: float | None


def run(quick: bool, fusions: list[str] | None = None) -> None:
    """Audit the named fusions, or all that were fitted."""
    torch.set_num_threads(1)
    names = fusions or [p.parent.name for p in sorted(places.ROOT.glob("data/fusions/*/fit"))]
    if not names:
        print("There is no fitted fusion to audit; run 'make demo' first.")
    coverage, widths = [], []
    for name in names:
        start = time.process_time()
        rows, compared = audit(name, QUICK if quick else FULL)
        coverage, widths = coverage + rows, widths + compared
        print(f"{name}: {time.process_time() - start:.0f} s of one core\n")
    write("audit", quick, coverage, widths=widths)


def audit(fusion: str, plan: Plan) -> tuple[list[dict], list[dict]]:
    """Coverage by method and region, and widths compared with the exact likelihood's; both are printed."""
    learned, known = laboratory(fusion)
    print(
        f"\n{fusion}: {plan.teach} repetitions teach, {plan.audit} audit, N = {sum(learned.n.values())}"
    )
    rows, found = _one(fusion, "learned", learned, known, plan)
    if not set(learned.psi) <= set(HEADS):
        return rows, []
    more, other = _one(fusion, "exact", exact(learned), known, replace(plan, audit=plan.audit // 4))
    return rows + more, _compare(fusion, found, other)


def laboratory(fusion: str) -> tuple[Laboratory, Known]:
    """A fusion with its simulators, and what its fit has found."""
    terms, folder = read_terms(fusion), places.fusion(fusion, "fit")
    observed = {
        m: shards.read_set(places.fusion(fusion, "observations") / m).columns for m in terms.used
    }
    tension = read_answer(folder / ANSWER).tension
    samples = read_curves(folder / CURVES).posterior[FUSED].values
    known = Known(samples, tension and tension.Q)
    return Laboratory(terms.scalar, terms.psi, {m: find(m) for m in terms.used}, observed), known


def exact(learned: Laboratory) -> Laboratory:
    """The same fusion with log p itself in the place of every encoder."""
    heads = {m: Exact.of(m) for m in learned.psi}
    terms = [heads[m].scalar(columns) for m, columns in learned.observed.items()]
    return replace(
        learned, scalar=Sum([*terms, *constraints(learned.space)], learned.space), psi=heads
    )


def _one(
    fusion: str, psi: str, lab: Laboratory, known: Known, plan: Plan
) -> tuple[list[dict], dict[str, list]]:
    fit = maximise(lab.scalar)
    taught, seen = repetitions(lab, fit, known.samples, plan)
    criticals = Criticals.learn(taught)
    audits = error_audits(seen, criticals, fit)
    blocks = blocks_of(seen, audits, criticals, fit, sum(lab.n.values()), known.q)
    rows = _coverage(fusion, psi, blocks)
    for sentence in said_of(seen, criticals):
        print("  !", sentence)
    sets = {p: intervals(lab.scalar, fit, p, c) for p, c in criticals.single.items()}
    textbook = {p: [profile_interval(lab.scalar, fit, p, level) for level in LEVELS] for p in sets}
    return rows, {p: [*((i.low, i.high) for i in textbook[p]), *sets[p]] for p in sets}


def _coverage(fusion: str, psi: str, blocks: dict) -> list[dict]:
    n, rows = blocks["audit"]["trials"], []
    bands = ", ".join(
        "{:.3f} to {:.3f}".format(*np.array(binom.interval(0.95, n, level)) / n) for level in LEVELS
    )
    for curve in blocks["coverage"]:
        at = [int(np.argmin(np.abs(np.array(curve["levels"]) - level))) for level in LEVELS]
        for region, hits in curve["hits"].items():
            held = {f"{level:.4f}": hits[i] / n for level, i in zip(LEVELS, at, strict=True)}
            rows.append({"intervals": curve["label"], "region": region, **held})
    pulls = blocks["pulls"]
    moved = [
        {"parameter": p, "mean pull": m, "spread": pulls["spread"][p]}
        for p, m in pulls["mean"].items()
    ]
    print(
        f"\n{psi} psi: fraction of {n} that held the truth; chance allows {bands}\n{table(rows)}\n\n{table(moved)}"
    )
    if "tension" in blocks:
        print(
            "tension Q = {observed:.2f}, p = {p_value:.3f}, simulated".format(**blocks["tension"])
        )
    return [{"fusion": fusion, "psi": psi, "trials": n, **row} for row in rows]


def _compare(fusion: str, learned: dict[str, list], exact: dict[str, list]) -> list[dict]:
    rows = []
    for p, ours in learned.items():
        rows.append({"parameter": p})
        for word, a, b in zip(INTERVALS, ours, exact[p], strict=True):
            rows[-1][word] = (a[1] - a[0]) / (b[1] - b[0])
        rows[-1]["shift"] = (sum(ours[2]) - sum(exact[p][2])) / (exact[p][2][1] - exact[p][2][0])
    print(
        "\nlearned over exact: widths of the intervals of the data; shift of the Neyman 68 % middle in half-widths"
    )
    print(table(rows))
    return [{"fusion": fusion, **row} for row in rows]


if __name__ == "__main__":
    chosen = [a for a in sys.argv[1:] if a != "--quick"]
    run("--quick" in sys.argv, chosen or None)
