"""The answer of a fusion on a terminal: the numbers, and whether to believe them."""

from pathlib import Path

from ..fusion.answer import Answer
from ..fusion.verdict import verdict
from .view import key_figures, sentence

SHOWN = (
    "parameter",
    "unit",
    "theta_hat",
    "posterior",
    "interval_68",
    "interval_95",
    "profile_68",
    "calibrated_68",
)


def said(answer: Answer, page: Path) -> str:
    """The answer as text, and where its page lies."""
    rows = [{k: row[k] for k in SHOWN} for row in key_figures(answer)]
    widths = {k: max(len(k), *(len(r[k]) for r in rows)) for k in SHOWN}
    table = [
        "  " + "  ".join(row[k].ljust(w) for k, w in widths.items()).rstrip()
        for row in ({k: k for k in SHOWN}, *rows)
    ]
    found = verdict(answer)
    checks = [f"  {'!' if c.level != 'bad' else '✗'} {c.question} {c.sentence}" for c in found.open]
    heading = f"\n{answer.fusion}: {sentence(answer)}\n"
    believed = f"\nCan you believe this? {found.headline}"
    return "\n".join([heading, *table, believed, *checks, f"\n{page}\n"])
