"""The checks that a verdict is made of: each looks at one way in which a fusion goes wrong, and answers with a level and why."""

from ..judgement import Check, Level
from ..words import listed, percent, plain
from .answer import Answer, ModalityAnswer, ParameterAnswer
from .methods import METHODS, TOGETHER


def _trust(answer: Answer) -> Check:
    ask = "Are the learned encoders accurate enough for this many observations?"
    by = {
        where: {m: a for m, a in answer.used.items() if a.standing == where}
        for where in ("unknown", "marked", "beyond")
    }
    unknown = listed(by["unknown"]) if by["unknown"] else ""
    missing = f" The trust size has not been measured for {unknown}." if unknown else ""
    over = by["marked"] | by["beyond"]
    if by["beyond"]:
        said = f"Not {_sizes(over)}: the error it learned may exceed the quoted one."
        return Check(ask, "bad", said + missing)
    if over:
        said = f"Not by the margin of ten asked for: {_sizes(over)}. Values marked † may be off."
        return Check(ask, "care", said + missing)
    if unknown:
        return Check(ask, "unknown", missing.strip())
    said = "Each is used well within its trust size at theta_hat or is corrected"
    return Check(ask, "good", f"{said}: {_sizes(answer.used)}.")


def _sizes(modalities: dict[str, ModalityAnswer]) -> str:
    return listed(
        f"{m} ({a.n} observations, "
        + ("trust size not measured)" if a.n_over_trust is None else f"{percent(a.n_over_trust)} of its trust size there)")
        for m, a in modalities.items()
    )  # fmt: skip


def _agreement(answer: Answer) -> Check | None:
    if answer.tension is None:
        return None
    p = answer.tension.p_value
    word = "Yes" if p >= 0.05 else "Hardly" if p >= 0.003 else "No"
    chance = f"a disagreement this large would turn up in {percent(p)} of cases"
    said = f"{word}. If one answer held for all of them, {chance}."
    return Check("Do the kinds of data agree with each other?", _by_p(p), said)


def _range(answer: Answer) -> Check:
    ask = "Does the answer lie inside the range that was explored?"
    at = [p for p, a in answer.parameters.items() if a.at_boundary]
    reaching = [p for p, a in answer.parameters.items() if any(a.profile_open_95)]
    if at:
        said = (
            f"The best value of {listed(at)} lies on the edge of its range; its error means little."
        )
        return Check(ask, "care", said)
    if reaching:
        said = f"The data alone do not bound {listed(reaching)}: its interval ends at the edge of the range."
        return Check(ask, "care", said)
    return Check(ask, "good", "Yes, with its whole 95 % interval, for every parameter.")


def _single(answer: Answer) -> Check:
    ask = "Is there one answer?"
    rivals = [mode for mode in answer.modes if 0 < mode["delta"] < 6]
    if rivals:
        place = listed(f"{p} = {plain(v, 3)}" for p, v in rivals[0]["theta"].items())
        return Check(ask, "care", f"No: the data fit nearly as well at {place}.")
    return Check(ask, "good", "Yes: no other value fits nearly as well.")


def _complete(answer: Answer) -> Check:
    ask = "Were all kinds of data used?"
    dropped = {m: a.dropped for m, a in answer.modalities.items() if a.dropped is not None}
    if dropped:
        why = "; ".join(f"{m} was left out: {why.rstrip('.')}" for m, why in dropped.items())
        return Check(ask, "care", f"No. {why}.")
    return Check(ask, "good", f"Yes, all that this fusion names: {listed(answer.used)}.")


def _prior(answer: Answer) -> Check:
    ask = "Do the data decide, rather than the range allowed beforehand?"
    far = [
        p
        for p, a in answer.parameters.items()
        if abs(a.posterior_mean - _argmax(a)) / a.posterior_std > 0.5
    ]
    if far:
        said = (
            f"Best value and average differ for {listed(far)}: the allowed range has a say in them."
        )
        return Check(ask, "care", said)
    said = "Yes: the best value and the average over all plausible values agree."
    return Check(ask, "good", said)


def _argmax(a: ParameterAnswer) -> float:
    """argmax S, which the posterior belongs to, whatever was corrected afterwards."""
    return a.theta_hat if a.theta_hat_uncorrected is None else a.theta_hat_uncorrected


def _identified(answer: Answer) -> Check | None:
    blind = [p for p, a in answer.parameters.items() if not a.identified]
    if not blind:
        return None
    said = f"They do not identify {listed(blind)}: what is said of it is mostly its prior."
    return Check("Do the data say something of every parameter?", "care", said)


def _sampled(answer: Answer) -> Check | None:
    effective = answer.sampling.get("effective")
    if effective is None or effective >= 400:
        return None
    said = f"Only {effective:.0f} independent ones; the 95 % intervals are noisy."
    return Check("Were enough samples drawn for the intervals?", "care", said)


def _converged(answer: Answer) -> Check | None:
    if answer.converged:
        return None
    said = "The fit or the sampler stopped before it had converged."
    return Check("Was the search finished?", "care", said)


def _errors(answer: Answer) -> Check:
    """All errors that the report shows: each that fails is named, and the one to quote."""
    ask = "Were the errors tried on simulated data with a known answer?"
    if not answer.errors:
        said = "Not yet: that a 68 % interval holds the truth 68 times in 100 is assumed here."
        return Check(ask, "unknown", said)
    failed = [
        f"{m} ({worst(answer, m)})"
        for m in METHODS
        if m in answer.errors and not answer.errors[m].passed
    ]
    untried = [m for m in METHODS if m not in answer.errors]
    trials = next(iter(answer.errors.values())).trials
    untold = f" Not tried: {listed(untried)}." if untried else ""
    if answer.quote is None:
        said = f"Quote none of them: of {trials} tries, too narrow are {listed(failed)}."
        return Check(ask, "bad", said + untold)
    held = f"of {trials} tries, {held_the_truth(answer, answer.quote)}"
    if failed:
        said = f"Quote the {answer.quote} ones: {held}. Too narrow: {listed(failed)}."
        return Check(ask, "care", said + untold)
    wide = [m for m in METHODS if m in answer.errors and answer.errors[m].wide]
    loose = f" Wider than they need be: {listed(wide)}." if wide else ""
    said = f"Quote the {answer.quote} ones: {held}.{loose}{untold}"
    return Check(ask, "care" if untried else "good", said)


def held_the_truth(answer: Answer, method: str) -> str:
    """How often the regions of all parameters together held the truth, in words."""
    audit = answer.errors[method]
    pairs = zip(audit.levels, audit.hits[TOGETHER], strict=True)
    return listed(
        f"the {percent(level)} region held the truth in {percent(hits / audit.trials)}"
        for level, hits in pairs
    )


def worst(answer: Answer, method: str) -> str:
    """The region of one kind of error that is furthest from what it claims, in words."""
    narrow = answer.errors[method].narrow
    region, level = min(narrow, key=lambda key: narrow[key] - key[1])
    of = "region of all together" if region == TOGETHER else f"interval of {region}"
    return f"its {percent(level)} {of} held the truth in {percent(narrow[region, level])}"


def _truth(answer: Answer) -> Check | None:
    closure = answer.closure
    if closure is None:
        return None
    p = closure["p_value"]
    said = f"An answer this far from it or farther comes up in {percent(p)} of cases by chance."
    return Check("Was the known truth of these mock data found again?", _by_p(p), said)


def _support(answer: Answer) -> Check | None:
    ask = "Do the real data look like the simulated ones?"
    known = {m: a.outside_support for m, a in answer.used.items() if a.outside_support is not None}
    if not known:
        return None
    strange = [f"{percent(f)} of {m}" for m, f in known.items() if f > 0]
    if strange:
        said = f"Not all: {listed(strange)} lie outside what the encoder has seen."
        return Check(ask, "care", said)
    return Check(ask, "good", "Yes: every observation lies within what its encoder has seen.")


def _by_p(p: float) -> Level:
    return "good" if p >= 0.05 else "care" if p >= 0.003 else "bad"


CHECKS = (
    _trust,
    _agreement,
    _range,
    _single,
    _complete,
    _prior,
    _identified,
    _sampled,
    _converged,
    _errors,
    _truth,
    _support,
)
"""In the order in which a page lists them. A check that does not apply is None."""
