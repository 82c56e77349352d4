"""A judgement: questions, an answer to each as a level, and the worst of them."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["good", "unknown", "care", "bad"]
LEVELS: tuple[Level, ...] = ("good", "unknown", "care", "bad")


@dataclass(frozen=True)
class Check:
    """One question, its answer as one of `LEVELS`, and why."""

    question: str
    level: Level
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """The worst level of all checks, its headline, and the checks."""

    level: Level
    headline: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> list[Check]:
        """The checks that found nothing."""
        return [c for c in self.checks if c.level == "good"]

    @property
    def open(self) -> list[Check]:
        """The others, the worst first."""
        found = (c for c in self.checks if c.level != "good")
        return sorted(found, key=lambda c: -LEVELS.index(c.level))
