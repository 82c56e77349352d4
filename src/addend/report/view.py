"""What the page of a fusion prints: every number of an answer as text, rounded to its error."""

import json
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from ..calibration.standing import Standing
from ..fusion.answer import (
    SCHEMA_VERSION,
    Answer,
    Estimate,
    ModalityAnswer,
    Pair,
    ParameterAnswer,
)
from ..fusion.methods import METHODS
from ..fusion.verdict import marked
from ..words import (
    Rounding,
    in_unit,
    interval,
    listed,
    percent,
    plain,
    signed,
    symbol_html,
    text,
    with_error,
)
from .drawing import TOGETHER

DASH = "–"
DAGGERS: dict[Standing, str] = {"marked": " †", "beyond": " †"}


def key_figures(answer: Answer) -> list[dict[str, str]]:
    """The answer as rows of text, one parameter each: for a terminal, and for the page's first screen."""
    return [_row(p, a) for p, a in answer.parameters.items()]


def sentence(answer: Answer) -> str:
    """What was inferred, in one sentence of plain text."""
    used, parameters = answer.used, answer.parameters
    free = [p for p, a in parameters.items() if a.constraint is None] or list(parameters)
    found = [_value(p, parameters[p]) for p in free[:4]]
    rest = len(parameters) - len(found)
    more = f", with {rest} more parameter{'s' * (rest > 1)} left free" if rest else ""
    n, what, origin = sum(a.n for a in used.values()), "observations", ""
    if answer.mock:
        what, origin = "mock observations", ", drawn at a known truth,"
    kinds = ", ".join(f"{m} {a.n}" for m, a in used.items())
    of = f"{n} {what} of {len(used)} kind{'s' * (len(used) != 1)} ({kinds}){origin}"
    return f"{of} give, taken together, {listed(found)}{more}."


def fusion_view(answer: Answer) -> dict[str, Any]:
    """Every value that fusion.html names, figures and verdict apart."""
    parameters, order = answer.parameters, answer.covariance.parameters
    parts = answer.modalities.values()
    weighed = [p for p in parameters if any(p in a.weight for a in parts)]
    rows = zip(parameters.items(), key_figures(answer), strict=True)
    correlation = zip(order, answer.covariance.correlation, strict=True)
    return {
        "title": f"Fusion “{answer.fusion}”",
        "sentence": _symbols(sentence(answer), parameters),
        "rows": [row | {"symbol": _symbol(p, a)} for (p, a), row in rows],
        "closure": answer.mock,
        "mark": "†" if marked(answer) else "",
        "local": any(a.corrected_std is not None for a in parameters.values()),
        "constraints": ", ".join(p for p, a in parameters.items() if a.constraint is not None),
        "audits": _audits(answer),
        "order": [_symbol(p, parameters[p]) for p in order],
        "correlation": [(_symbol(p, parameters[p]), map(Rounding(2), row)) for p, row in correlation],
        "weighed": [_symbol(p, parameters[p]) for p in weighed],
        "modalities": [_modality(m, a, weighed, answer) for m, a in answer.modalities.items()],
        "terms": " + ".join(answer.terms),
        "alone": _alone(answer),
        "pulls": any(a.pull for a in parts),
        "tension": _tension(answer),
        "sections": _sections(answer),
        "provenance": _provenance(answer),
        "settings": _settings(answer),
        "command": answer.provenance.get("command"),
        "version": SCHEMA_VERSION,
    }  # fmt: skip


def _audits(answer: Answer) -> dict[str, str]:
    """What stands beside the name of each kind of error that there is."""
    first = next(iter(answer.parameters.values()))
    there = {
        "calibrated": first.calibrated_68 is not None,
        "sandwich": any(a.sandwich_std is not None for a in answer.parameters.values()),
    }
    return {m: _audit(answer, m) for m in METHODS if there.get(m, True)}


def _audit(answer: Answer, method: str) -> str:
    if method not in answer.errors:
        return "not tried"
    audit = answer.errors[method]
    if not audit.passed:
        return "✗ too narrow"
    quoted = ", quote this" if answer.quote == method else ""
    return ("✓ but wide" if audit.wide else "✓ tried") + quoted


def _row(p: str, a: ParameterAnswer) -> dict[str, str]:
    std = a.posterior_std
    rounding = Rounding.to(std, a.theta_hat)

    def number(v: float | None) -> str:
        return DASH if v is None else rounding(v) + rounding.power

    def span(ends: Pair | None, opened: tuple[bool, bool] = (False, False)) -> str:
        return DASH if ends is None else interval(ends, std, opened)

    return {
        "parameter": p,
        "unit": "" if a.unit == "1" else a.unit,
        "definition": a.definition,
        "theta_hat": number(a.theta_hat),
        "posterior": with_error(a.posterior_mean, std),
        "std": number(std),
        "interval_68": span(a.interval_68),
        "interval_95": span(a.interval_95),
        "profile_68": span(a.profile_68, a.profile_open_68),
        "profile_95": span(a.profile_95, a.profile_open_95),
        "calibrated_68": span(a.calibrated_68),
        "calibrated_95": span(a.calibrated_95),
        "curvature": number(a.curvature_std),
        "sandwich": number(a.sandwich_std),
        "corrected": number(a.corrected_std),
        "uncorrected": number(a.theta_hat_uncorrected),
        "truth": number(a.truth),
        "pull": DASH if a.pull is None else signed(a.pull),
    }


def _modality(m: str, a: ModalityAnswer, weighed: list[str], answer: Answer) -> dict[str, Any]:
    encoder = a.encoder
    correction = f"; {a.correction}" if str(a.correction) else ""
    shards = answer.provenance.get("shards", {}).get(m, [])
    named = encoder["name"] + correction if encoder else None
    return {
        "name": m,
        "title": a.title,
        "set": a.set or DASH,
        "n": a.n,
        "dropped": a.dropped,
        "read": _read(m, a),
        "trust": _trust(a),
        "ratio": DASH if a.n_over_trust is None else percent(a.n_over_trust) + DAGGERS.get(a.standing, ""),
        "shares": [_share(a.weight.get(p)) for p in weighed],
        "encoder": named,
        "digest": encoder and encoder["digest"][:16],
        "shards": ", ".join(f"{s['name']} ({s['n']})" for s in shards) or DASH,
        "data": answer.provenance.get("data", {}).get(m) or DASH,
    }  # fmt: skip


def _read(m: str, a: ModalityAnswer) -> str:
    """How S of a modality is read, where it is not asked of every observation."""
    if a.tabulated is None:
        return ""
    return f"That of {m} is read from a table, which is off by {a.tabulated:.1g} nat at most."


def _trust(a: ModalityAnswer) -> str:
    """N* at theta_hat, with its bounds where they are known."""
    if a.trust_size is None or a.trust_low is None:
        return DASH if a.trust_size is None else plain(a.trust_size)
    high = "any" if a.trust_high is None else plain(a.trust_high)
    return f"{plain(a.trust_size)} ({plain(a.trust_low)} to {high})"


def _share(weight: float | None) -> tuple[str, int]:
    if weight is None:
        return DASH, 0
    return percent(weight), round(100 * min(max(weight, 0.0), 1.0))


def _alone(answer: Answer) -> dict[str, Any] | None:
    parts: list[tuple[str, Mapping[str, Estimate], Mapping[str, float]]]
    parts = [(m, a.parameters, a.pull) for m, a in answer.used.items()]
    parts += [(f"without {m}", of, {}) for m, of in answer.leave_one_out.items()]
    names = [p for p in answer.parameters if any(p in of for _, of, _ in parts)]
    if not names:
        return None
    parts += [(TOGETHER, answer.parameters, {})]
    cells = [(who, [_cell(p, of, pulls) for p in names]) for who, of, pulls in parts]
    return {"symbols": [_symbol(p, answer.parameters[p]) for p in names], "rows": cells}


def _cell(p: str, of: Mapping[str, Estimate], pulls: Mapping[str, float]) -> tuple[str, str]:
    if p not in of:
        return DASH, ""
    said = with_error(of[p].posterior_mean, of[p].posterior_std)
    return said, f"pull {signed(pulls[p])}" if p in pulls else ""


def _tension(answer: Answer) -> str:
    t = answer.tension
    if t is None:
        return ""
    found = f"Q = {t.Q:.1f} with {t.dof:g} degrees of freedom, p = {t.p_value:.2g}"
    return f"Tension between the kinds of data: {found} ({t.note.rstrip('.')})."


def _sections(answer: Answer) -> list[tuple[str, str]]:
    first = [("contours", "contours"), ("profile", "profiles"), ("modalities", "each kind of data")]
    calibrated = [("calibration", "calibration")] * bool(answer.calibration)
    return [*first, *calibrated, ("provenance", "where this came from")]


def _provenance(answer: Answer) -> list[tuple[str, str]]:
    p, sampling = answer.provenance, answer.sampling
    effective = f", {sampling['effective']:.0f} effective" if "effective" in sampling else ""
    how = f"{sampling['method']}; {sampling['samples']} samples{effective}"
    code = " of ".join(filter(None, [p.get("commit"), p.get("date")]))
    return [
        ("project commit", code or "none: not under version control"),
        ("packages", text(p.get("packages", {}))),
        ("seeds", text(p.get("seeds", {}))),
        ("posterior", how),
    ]


def _settings(answer: Answer) -> str:
    stated = answer.provenance.get("params", {})
    return json.dumps(stated, indent=2, sort_keys=True, ensure_ascii=False)


def _value(p: str, a: ParameterAnswer) -> str:
    return in_unit(f"{p} = {with_error(a.posterior_mean, a.posterior_std)}", a.unit)


def _symbol(p: str, a: ParameterAnswer) -> Markup:
    return Markup(symbol_html(p, a.latex))


def _symbols(said: str, parameters: Mapping[str, ParameterAnswer]) -> Markup:
    out = str(Markup.escape(said))
    for p, a in parameters.items():
        out = out.replace(f" {p} = ", f" {_symbol(p, a)} = ")
    return Markup(out)
