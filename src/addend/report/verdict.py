"""Can you believe this? What a summary says about its own theta_hat, in words that need no statistics.

Each check looks at one way in which a fusion goes wrong and answers `good`, `unknown` (nobody looked), `care` or `bad`, with
one sentence. The verdict is the worst of them. Thresholds:

    N > N*/10 uncorrected               care, theta_hat is marked
    N > N* uncorrected                  bad
    tension, or truth: p < 0.05         care;  p < 0.003  bad
    a second maximum, 2 dS < 6          care
    posterior mean away from theta_hat  care from half a standard deviation on
    fewer than 400 effective samples    care
    audited coverage outside its 99 % binomial band   care above the nominal level, bad below it
"""

from dataclasses import dataclass

from scipy.stats import binom

from .numbers import listed, percent, plain

TRUST = "Are the learned encoders accurate enough for this many observations?"
LEVELS = ("good", "unknown", "care", "bad")
LOCAL = "local calibration"
"""The correction that lifts the mark, whatever the size of the bias; a centred encoder is held against the N* it has left."""


@dataclass(frozen=True)
class Check:
    """One question, its answer as one of `LEVELS`, and why."""

    question: str
    level: str
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """The worst level of all checks, its headline, and the checks."""

    level: str
    headline: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> list[Check]:
        """The checks that found nothing."""
        return [c for c in self.checks if c.level == "good"]

    @property
    def open(self) -> list[Check]:
        """The others, the worst first."""
        return sorted(
            (c for c in self.checks if c.level != "good"), key=lambda c: -LEVELS.index(c.level)
        )

    @property
    def marked(self) -> bool:
        """Whether theta_hat must be shown with a mark: some encoder is used beyond a tenth of its trust size."""
        return any(c.question == TRUST and c.level in ("care", "bad") for c in self.checks)


def verdict(summary: dict) -> Verdict:
    """Every check that applies to this summary."""
    asked = (
        _trust,
        _agreement,
        _range,
        _single,
        _complete,
        _prior,
        _sampled,
        _audit,
        _truth,
        _support,
    )
    warnings = [Check("Warning", "care", w) for w in summary["warnings"]]
    checks = tuple(c for c in [*(ask(summary) for ask in asked), *warnings] if c is not None)
    level = max((c.level for c in checks), key=LEVELS.index)
    return Verdict(level, _headline(level, checks), checks)


def _headline(level: str, checks: tuple[Check, ...]) -> str:
    n = sum(c.level == level for c in checks)
    things = "one thing" if n == 1 else f"{n} things"
    return {
        "good": "Yes. Every check passed.",
        "unknown": f"Nothing speaks against it, but {things} {'was' if n == 1 else 'were'} not checked.",
        "care": f"With care: {things} to know before using these numbers.",
        "bad": f"No, not as it stands: {things} {'is' if n == 1 else 'are'} wrong.",
    }[level]


def corrected(modality: dict) -> bool:
    """Whether a modality's block says that its bias is corrected."""
    return LOCAL in (modality.get("correction") or "")


def _used(summary: dict) -> dict[str, dict]:
    return {m: block for m, block in summary["modalities"].items() if block["dropped"] is None}


def _trust(summary: dict) -> Check:
    used = _used(summary)
    unknown = [m for m, b in used.items() if b["n_over_trust"] is None]
    known = {m: b for m, b in used.items() if b["n_over_trust"] is not None}
    over = {m: b for m, b in known.items() if b["n_over_trust"] > 0.1 and not corrected(b)}
    facts = [
        f"{m} ({b['n']} observations, {percent(b['n_over_trust'])} of its trust size)"
        for m, b in (over or known).items()
    ]
    missing = f" The trust size has not been measured for {listed(unknown)}." if unknown else ""
    if any(b["n_over_trust"] > 1 for b in over.values()):
        return Check(
            TRUST,
            "bad",
            f"Not {listed(facts)}: the error it learned may exceed the quoted one.{missing}",
        )
    if over:
        return Check(
            TRUST,
            "care",
            f"Not by the margin of ten asked for: {listed(facts)}. Values marked † may be off.{missing}",
        )
    if unknown:
        return Check(TRUST, "unknown", missing.strip())
    return Check(
        TRUST, "good", f"Each is used well within its trust size or is corrected: {listed(facts)}."
    )


def _agreement(summary: dict) -> Check | None:
    ask = "Do the kinds of data agree with each other?"
    tension = summary["tension"]
    if tension is None:
        return None
    p = tension["p_value"]
    chance = f"If one answer held for all of them, a disagreement this large would turn up in {percent(p)} of cases."
    return Check(
        ask, _by_p(p), ("Yes. " if p >= 0.05 else "Hardly. " if p >= 0.003 else "No. ") + chance
    )


def _range(summary: dict) -> Check:
    ask = "Does the answer lie inside the range that was explored?"
    blocks = summary["parameters"]
    at = [p for p, b in blocks.items() if b["at_boundary"]]
    reaching = [p for p, b in blocks.items() if any(b["profile_open_95"])]
    if at:
        return Check(
            ask,
            "care",
            f"The best value of {listed(at)} lies on the edge of its range; its error means little.",
        )
    if reaching:
        return Check(
            ask,
            "care",
            f"The data alone do not bound {listed(reaching)}: its interval ends at the edge of the range.",
        )
    return Check(ask, "good", "Yes, with its whole 95 % interval, for every parameter.")


def _single(summary: dict) -> Check:
    ask = "Is there one answer?"
    rivals = [mode for mode in summary["modes"] if 0 < mode["delta"] < 6]
    if rivals:
        place = listed(f"{p} = {plain(v, 3)}" for p, v in rivals[0]["theta"].items())
        return Check(ask, "care", f"No: the data fit nearly as well at {place}.")
    return Check(ask, "good", "Yes: no other value fits nearly as well.")


def _complete(summary: dict) -> Check:
    ask = "Were all kinds of data used?"
    dropped = {
        m: b["dropped"] for m, b in summary["modalities"].items() if b["dropped"] is not None
    }
    if dropped:
        why = "; ".join(f"{m} was left out: {reason.rstrip('.')}" for m, reason in dropped.items())
        return Check(ask, "care", f"No. {why}.")
    return Check(ask, "good", f"Yes, all that this fusion names: {listed(_used(summary))}.")


def _prior(summary: dict) -> Check:
    ask = "Do the data decide, rather than the range allowed beforehand?"
    shift = {
        p: abs(b["posterior_mean"] - b["theta_hat"]) / b["posterior_std"]
        for p, b in summary["parameters"].items()
    }
    far = [p for p, s in shift.items() if s > 0.5]
    if far:
        return Check(
            ask,
            "care",
            f"Best value and average differ for {listed(far)}: the allowed range has a say in them.",
        )
    return Check(
        ask, "good", "Yes: the best value and the average over all plausible values agree."
    )


def _sampled(summary: dict) -> Check | None:
    ask = "Were enough samples drawn for the intervals?"
    effective = summary["sampling"].get("effective")
    if effective is None or effective >= 400:
        return None
    return Check(
        ask, "care", f"Only {effective:.0f} independent ones; the 95 % intervals are noisy."
    )


def _audit(summary: dict) -> Check:
    ask = "Were the intervals tried on simulated data with a known answer?"
    audit = (summary["calibration"] or {}).get("audit")
    if not audit:
        return Check(
            ask,
            "unknown",
            "Not yet: that a 68 % interval holds the truth 68 times in 100 is assumed here.",
        )
    method = "neyman" if "neyman" in audit["hits"] else next(iter(audit["hits"]))
    n, rows = audit["trials"], list(zip(audit["levels"], audit["hits"][method], strict=True))
    low, high = (
        any(side(hits, n, level) for level, hits in rows) for side in (_too_few, _too_many)
    )
    held = listed(
        f"the {percent(level)} interval held the truth in {percent(hits / n)}"
        for level, hits in rows
    )
    level = "bad" if low else "care" if high else "good"
    return Check(
        ask,
        level,
        f"Of {n} tries, {held}{': it is too narrow' if low else ': it is too wide' if high else ''}.",
    )


def _truth(summary: dict) -> Check | None:
    ask = "Was the known truth of these mock data found again?"
    truth = summary.get("truth")
    if not truth:
        return None
    p = truth["p_value"]
    return Check(
        ask,
        _by_p(p),
        f"An answer this far from it or farther comes up in {percent(p)} of cases by chance.",
    )


def _support(summary: dict) -> Check | None:
    ask = "Do the real data look like the simulated ones?"
    outside = {
        m: b["outside_support"]
        for m, b in _used(summary).items()
        if b.get("outside_support") is not None
    }
    if not outside:
        return None
    strange = [f"{percent(f)} of {m}" for m, f in outside.items() if f > 0]
    if strange:
        return Check(
            ask, "care", f"Not all: {listed(strange)} lie outside what the encoder has seen."
        )
    return Check(ask, "good", "Yes: every observation lies within what its encoder has seen.")


def _by_p(p: float) -> str:
    return "good" if p >= 0.05 else "care" if p >= 0.003 else "bad"


def _too_few(hits: float, n: int, level: float) -> bool:
    return hits < binom.ppf(0.005, n, level)


def _too_many(hits: float, n: int, level: float) -> bool:
    return hits > binom.ppf(0.995, n, level)
