"""What the page of an encoder prints: every number of its record as text."""

from typing import Any

from ..judgement import Check, Level, Verdict
from ..words import about, percent, text


def encoder_view(record: dict[str, Any]) -> dict[str, Any]:
    """Every value that encoder.html names, figures apart."""
    trust, version = record.get("trust"), record.get("version")
    unknown = "Up to how many observations it may be believed has not been measured."
    size = _size(trust) if trust else unknown
    support = [
        ("outside the simulated support, " + s, percent(f))
        for s, f in record.get("support", {}).items()
    ]
    return {
        "title": f"Encoder “{record['name']}”" + (f", version {version}" if version else ""),
        "sentence": (record.get("title") or record["name"]).rstrip(".") + ". " + size,
        "verdict_": _gate(record.get("gate")),
        "facts_": [(k, text(v)) for k, v in record.get("facts", {}).items()] + support,
    }


def _gate(gate: dict[str, Any] | None) -> Verdict:
    if gate is None:
        return Verdict("unknown", "Not judged yet: it was not held against any threshold.", ())
    level: Level
    level, headline = (
        ("good", "Yes: it passed its thresholds.")
        if gate["passed"]
        else ("bad", "No: it was refused.")
    )
    checks = [
        Check(c["question"], "good" if c["passed"] else "bad", c["sentence"])
        for c in gate["checks"]
    ]
    return Verdict(level, headline, tuple(checks))


def _size(trust: dict[str, Any]) -> str:
    low, cells = about(trust["low"] / 10), trust["n_star"]
    return (
        f"Up to {low} observations need no correction (with 95 % confidence); at about {about(trust['headline'])}, the trust"
        " size on the whole, what it learned wrongly weighs as much as the noise. Over theta it ranges from"
        f" {about(min(cells))} to {about(max(cells))}: a fusion is held to what it is at theta_hat."
    )
