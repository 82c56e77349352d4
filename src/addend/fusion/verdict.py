"""Can you believe this? What an answer says about its own theta_hat, in words that need no statistics.

Each check looks at one way in which a fusion goes wrong and answers `good`, `unknown` (nobody looked), `care` or `bad`, with
one sentence. The verdict is the worst of them. Thresholds:

    N > N*/10 uncorrected               care, theta_hat is marked
    N > N* uncorrected                  bad
    tension, or truth: p < 0.05         care;  p < 0.003  bad
    a second maximum, 2 dS < 6          care
    posterior mean away from theta_hat  care from half a standard deviation on
    fewer than 400 effective samples    care
    an error that fails its audit       care while another passes, which is the one to quote; bad if none does
"""

from ..judgement import LEVELS, Check, Level, Verdict
from .answer import Answer
from .checks import CHECKS


def verdict(answer: Answer) -> Verdict:
    """Every check that applies to this answer."""
    found = [ask(answer) for ask in CHECKS]
    warnings = [Check("Warning", "care", sentence) for sentence in answer.warnings]
    checks = tuple(c for c in [*found, *warnings] if c is not None)
    level = max((c.level for c in checks), key=LEVELS.index)
    return Verdict(level, _headline(level, checks), checks)


def marked(answer: Answer) -> bool:
    """Whether theta_hat must be shown with a mark: some encoder is used beyond a tenth of its trust size."""
    return any(a.standing in ("marked", "beyond") for a in answer.used.values())


def _headline(level: Level, checks: tuple[Check, ...]) -> str:
    n = sum(c.level == level for c in checks)
    things = "one thing" if n == 1 else f"{n} things"
    return {
        "good": "Yes. Every check passed.",
        "unknown": f"Nothing speaks against it, but {things} {'was' if n == 1 else 'were'} not checked.",
        "care": f"With care: {things} to know before using these numbers.",
        "bad": f"No, not as it stands: {things} {'is' if n == 1 else 'are'} wrong.",
    }[level]
