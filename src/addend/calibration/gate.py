"""The gate: which record may become champion, and why not, in sentences.

Thresholds stand in the modality's params.yaml. The burden of proof is the candidate's: N* counts by its lower bound and
normalisation by its upper one. N* is in units of the smaller of two errors, what the curvature claims and what the score
scatters; curvature is judged where the data hold information, and the sentence says where they do not. What a threshold
names but the record lacks is a refusal. Coverage is the exception, where chance is allowed for: a candidate fails if it is
off by more than tolerance and band together, or if the band is too wide to tell. No candidate passes whose held-out log
score is below the champion's by more than the difference's own error, both measured on the same pairs.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..settings import Thresholds
from .coverage import Coverage
from .information import Mean
from .record import Record, information_kept
from .score import LITTLE, ScoreMoments, pooled_ratio, uninformed
from .trust import trust_size

TOO_WIDE = 0.1


@dataclass(frozen=True)
class Criterion:
    """One threshold: its name, whether it was met, and a sentence that says so."""

    name: str
    passed: bool
    sentence: str


@dataclass(frozen=True)
class Ruling:
    """What the gate says."""

    checks: tuple[Criterion, ...]

    @property
    def passed(self) -> bool:
        """Whether every threshold was met."""
        return all(c.passed for c in self.checks)

    @property
    def reason(self) -> str:
        """Why it was refused, or that it was not."""
        refused = [c.sentence for c in self.checks if not c.passed]
        return "; ".join(refused) if refused else "every threshold is met"

    def as_dict(self) -> dict[str, Any]:
        """The ruling as plain JSON."""
        return {
            "passed": self.passed,
            "reason": self.reason,
            "checks": [asdict(c) for c in self.checks],
        }


def judge(
    record: Record,
    thresholds: Thresholds | Mapping[str, float],
    difference: Mean | None = None,
    champion: str = "",
) -> Ruling:
    """The ruling on a candidate.

    Arguments:
        record: Of the candidate.
        thresholds: What it must pass; a mapping stands for the `Thresholds` it states.
        difference: Log score of the candidate less that of the champion, pair by pair; None where there is no champion.
        champion: What to call it.

    Raises:
        BadSetting: A mapping that states no `Thresholds`.
    """
    if isinstance(thresholds, Mapping):
        thresholds = Thresholds.from_dict(thresholds)
    checks = [CHECKS[name](record, value) for name, value in thresholds.as_dict().items()]
    if difference is not None:
        checks.append(_against(difference, champion))
    return Ruling(tuple(checks))


def _trust(record: Record, times: float) -> Criterion:
    if "score" not in record.parts:
        return _missing("trust", "the score was")
    size, needed = trust_size(record.parts["score"]), times * record.expected
    measured = f"{size.value:,.0f}" if np.isfinite(size.value) else "beyond measure"
    cells, ok = size.local_quoted, bool(size.low >= needed)
    return Criterion("trust", ok, (
        f"trust size N* is {measured} in units of the {size.ruler} error ({cells.min():,.0f} to {cells.max():,.0f} over theta),"
        f" with 95 % confidence at least {size.low:,.0f}, {'and' if ok else 'but'} {needed:,.0f} is"
        f" needed: {times:g} times the {record.expected:,} observations it is meant for"
    ))  # fmt: skip


def _normalisation(record: Record, nats: float) -> Criterion:
    if "normalisation" not in record.parts:
        return _missing("normalisation", "the integral of exp(psi) was")
    worst = record.expected * record.parts["normalisation"].worst()
    return Criterion("normalisation", bool(worst <= nats), (
        f"its exp(psi) integrates to one within {worst:.2g} nat over {record.expected:,} observations, {nats:g} nat being allowed"
    ))  # fmt: skip


def _coverage(record: Record, tolerance: float) -> Criterion:
    curves = {k: part for k, part in record.parts.items() if isinstance(part, Coverage)}
    if not curves:
        return _missing("coverage", "coverage was")
    sentences = [s for key, curve in curves.items() for s in _off(key, curve, tolerance)]
    return Criterion(
        "coverage",
        not sentences,
        ", ".join(sentences) or f"regions cover within {tolerance:g} and chance",
    )


def _off(key: str, curve: Coverage, tolerance: float) -> list[str]:
    width = curve.halfwidth()
    if width > TOO_WIDE:
        return [f"{key} was counted on {float(curve.n):.0f} data sets, too few to tell"]
    off = np.abs(curve.coverage - curve.levels)
    return [
        f"{key}: {curve.levels[a]:.0%} regions of {curve.names[c]} hold the truth in {curve.coverage[c, a]:.0%} of cases"
        f" ({'overconfident' if curve.coverage[c, a] < curve.levels[a] else 'too wide'})"
        for c, a in enumerate(off.argmax(axis=1))
        if off[c, a] > tolerance + width
    ]


def _curvature(record: Record, tolerance: float) -> Criterion:
    if "score" not in record.parts:
        return _missing("curvature", "the score was")
    moments = record.parts["score"]
    ratio, silent = pooled_ratio(moments), int(uninformed(moments).sum())
    word = (
        "overconfident: intervals come out too short"
        if ratio > 1
        else "underconfident: intervals come out too wide"
    )
    ok = bool(abs(ratio - 1) <= tolerance)
    where = f"; not judged in {_places(moments)}" if silent else ""
    said = f"variance of the score over curvature is {ratio:.2f}"
    return Criterion("curvature", ok, said + ("" if ok else f", {word}") + where)


def _places(moments: ScoreMoments) -> str:
    """Where information is too little for curvature to mean an error."""
    silent = uninformed(moments)
    first = zip(moments.names, moments.cells[silent.argmax()], strict=True)
    at = ", ".join(f"{name} = {value:.3g}" for name, value in first)
    return (
        f"{silent.sum()} directions in {(silent > 0).sum()} of {len(silent)} cells, as at {at},"
        f" where the data hold less than {LITTLE:.0%} of their mean information"
    )


def _information(record: Record, least: float) -> Criterion:
    kept = information_kept(record)
    if kept is None:
        return _missing("information", "what f_m keeps was")
    if record.lossless:
        shown = "its f_m loses nothing: it is invertible, as its Jacobian shows"
        return Criterion("information", True, shown)
    sentence = f"its f_m keeps {kept:.1%} of the Fisher information, {least:.1%} being needed"
    return Criterion("information", bool(kept >= least), sentence)


def _against(difference: Mean, champion: str) -> Criterion:
    value, error = difference.value, difference.error
    ok = bool(value >= -error)
    whose = champion or "the champion"
    word = "not worse than" if ok else "worse than"
    return Criterion(
        "log_score",
        ok,
        f"held-out log score is {word} that of {whose}: {value:+.4f} +- {error:.4f} nat",
    )


def _missing(name: str, what: str) -> Criterion:
    return Criterion(name, False, f"{what} never measured")


CHECKS = {
    "trust": _trust,
    "normalisation": _normalisation,
    "coverage": _coverage,
    "curvature": _curvature,
    "information": _information,
}
