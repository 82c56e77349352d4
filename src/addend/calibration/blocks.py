"""From the counts of the calibration room to the blocks that the figures and docs/summary.md know.

Conclusions are the calibration room's; here they only change shape. An N* that is beyond measure is stated by its lower
bound, since numbers in JSON are finite.
"""

from typing import Any

import numpy as np

from ..calibration import (
    Coverage,
    Normalisation,
    Ranks,
    Record,
    Ruling,
    ScoreMoments,
)
from ..calibration.record import information_kept
from ..calibration.score import information_ratio, pooled_p_value
from ..calibration.support import Outside
from ..calibration.trust import trust_size
from ..parameters import ParameterSpace

QUESTIONS = {
    "trust": "Is it accurate enough for the data it is meant for?",
    "normalisation": "Do its probabilities add up to one?",
    "coverage": "Do its regions hold the truth as often as they say?",
    "curvature": "Are its errors the right size?",
    "information": "Does it use what the data hold?",
    "log_score": "Is it as good as the present champion?",
}


def encoder_record(
    record: Record, space: ParameterSpace, gate: Ruling | None = None, **about: Any
) -> dict[str, Any]:
    """What `encoder_page` takes, from a record and the gate's verdict on it.

    Arguments:
        space: The encoder's parameters.
        about: `title`, `version`, and `facts` to list at the end.
    """
    measured = {
        "observations it is meant for": record.expected,
        "Fisher information kept": information_kept(record),
    }
    facts = {k: v for k, v in measured.items() if v is not None} | about.pop("facts", {})
    out = {
        "name": record.name,
        "parameters": {p.name: p.as_dict() for p in space},
        "facts": facts,
        **about,
    }
    return out | record_blocks(record) | ({"gate": gate_block(gate)} if gate else {})


def record_blocks(record: Record) -> dict[str, Any]:
    """The blocks of whatever the record holds."""

    def of(kind: type) -> dict[str, Any]:
        return {key: part for key, part in record.parts.items() if isinstance(part, kind)}

    def size(key: str) -> int:
        return 1 if key.endswith("_1") else record.expected

    found: dict[str, Any] = {
        "ranks": [b for key, part in of(Ranks).items() for b in _ranks(part, size(key))],
        "coverage": [
            _coverage(part, "TARP" if key.startswith("tarp") else "regions", size(key))
            for key, part in of(Coverage).items()
        ],
        "support": {part.name: float(part.outside / part.n) for part in of(Outside).values()},
    }
    for part in of(Normalisation).values():
        found["normalisation"] = {"log_integral": part.log_z.tolist(), "error": part.error.tolist()}
    if "score" in record.parts:
        found |= score_blocks(record.parts["score"], record.expected)
    return {key: block for key, block in found.items() if block}


def score_blocks(moments: ScoreMoments, expected: int) -> dict[str, Any]:
    """Trust size, score and information identity, from the moments of the score."""
    size, spread = (
        trust_size(moments),
        np.sqrt(np.diagonal(moments.J, axis1=1, axis2=2) / moments.n[:, None]),
    )
    trust = {
        "parameters": list(moments.names), "theta": size.cells.tolist(), "bound": (~np.isfinite(size.local)).tolist(),
        "n_star": size.local_quoted.tolist(), "headline": size.quoted, "low": float(size.low),
        "ruler": size.ruler, "expected_n": expected,
    }  # fmt: skip
    z = np.divide(moments.bias, spread, out=np.zeros_like(spread), where=spread > 0)
    score = {"parameters": list(moments.names), "z": z.tolist(), "p_value": pooled_p_value(moments)}
    return {
        "trust": trust,
        "score": score,
        "information": {"eigenvalues": [e.tolist() for e in information_ratio(moments)]},
    }


def gate_block(gate: Ruling) -> dict[str, Any]:
    """The gate's verdict, its checks as questions."""
    checks = [
        {"question": QUESTIONS[c.name], "passed": c.passed, "sentence": _sentence(c.sentence)}
        for c in gate.checks
    ]
    return {"passed": gate.passed, "checks": checks}


def _ranks(ranks: Ranks, n_obs: int) -> list[dict[str, Any]]:
    rows = zip(ranks.names, ranks.counts, strict=True)
    return [{"parameter": name, "n_obs": n_obs, "counts": row.tolist()} for name, row in rows]


def _coverage(counts: Coverage, label: str, n_obs: int) -> dict[str, Any]:
    hits = {name: row.tolist() for name, row in zip(counts.names, counts.inside, strict=True)}
    return {
        "label": label,
        "n_obs": n_obs,
        "levels": counts.levels.tolist(),
        "hits": hits,
        "trials": int(counts.n),
    }


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
