"""What the templates print: every number of a summary as text, rounded to its error."""

import json

from markupsafe import Markup

from .drawing import TOGETHER
from .numbers import (
    Rounding,
    about,
    in_unit,
    interval,
    listed,
    percent,
    plain,
    signed,
    symbol_html,
    with_error,
)
from .verdict import Check, Verdict, corrected, verdict

DASH = "–"


def key_figures(summary: dict) -> list[dict[str, str]]:
    """The answer as rows of text, one parameter each: for a terminal, for Prefect's table, for the page's first screen."""
    return [_row(p, b) for p, b in summary["parameters"].items()]


def sentence(summary: dict) -> str:
    """What was inferred, in one sentence of plain text."""
    used = {m: b for m, b in summary["modalities"].items() if b["dropped"] is None}
    free = [p for p, b in summary["parameters"].items() if b["constraint"] is None] or list(
        summary["parameters"]
    )
    found = [_value(p, summary["parameters"][p]) for p in free[:4]]
    rest = len(summary["parameters"]) - len(found)
    more = f", with {rest} more parameter{'s' * (rest > 1)} left free" if rest else ""
    n, what, origin = sum(b["n"] for b in used.values()), "observations", ""
    if summary["mock"]:
        what, origin = "mock observations", ", drawn at a known truth,"
    kinds = ", ".join(f"{m} {b['n']}" for m, b in used.items())
    of = f"{n} {what} of {len(used)} kind{'s' * (len(used) != 1)} ({kinds}){origin}"
    return f"{of} give, taken together, {listed(found)}{more}."


def fusion_view(summary: dict) -> dict:
    """Every value that fusion.html names, figures and verdict apart."""
    blocks, order = summary["parameters"], summary["covariance"]["parameters"]
    pulls = any(b.get("pull") for b in summary["modalities"].values())
    weighed = [p for p in blocks if any(p in b["weight"] for b in summary["modalities"].values())]
    return {
        "title": f"Fusion “{summary['fusion']}”",
        "sentence": _symbols(sentence(summary), blocks),
        "rows": [
            row | {"symbol": _symbol(p, blocks)}
            for p, row in zip(blocks, key_figures(summary), strict=True)
        ],
        "closure": any(b.get("truth") is not None for b in blocks.values()),
        "mark": "†" if verdict(summary).marked else "",
        "constraints": ", ".join(p for p, b in blocks.items() if b["constraint"] is not None),
        "sandwich": any(b.get("sandwich_std") is not None for b in blocks.values()),
        "neyman": any(b.get("neyman_68") is not None for b in blocks.values()),
        "order": [_symbol(p, blocks) for p in order],
        "correlation": [
            (_symbol(p, blocks), map(Rounding(2), row))
            for p, row in zip(order, summary["correlation"], strict=True)
        ],
        "weighed": [_symbol(p, blocks) for p in weighed],
        "modalities": [_modality(m, b, weighed, summary) for m, b in summary["modalities"].items()],
        "terms": " + ".join(summary["terms"]),
        "alone": _alone(summary),
        "pulls": pulls,
        "tension": _tension(summary["tension"]),
        "sections": _sections(summary),
        "provenance": _provenance(summary),
        "settings": json.dumps(
            summary["provenance"]["params"], indent=2, sort_keys=True, ensure_ascii=False
        ),
        "command": summary["provenance"].get("command"),
        "version": summary["schema_version"],
    }


def encoder_view(record: dict) -> dict:
    """Every value that encoder.html names, figures apart."""
    trust, version = record.get("trust"), record.get("version")
    unknown = "Up to how many observations it may be believed has not been measured."
    size = _size(trust["headline"], trust["low"]) if trust else unknown
    support = [
        ("outside the simulated support, " + s, percent(f))
        for s, f in record.get("support", {}).items()
    ]
    return {
        "title": f"Encoder “{record['name']}”" + (f", version {version}" if version else ""),
        "sentence": (record.get("title") or record["name"]).rstrip(".") + ". " + size,
        "verdict_": _gate(record.get("gate")),
        "facts_": [(k, _text(v)) for k, v in record.get("facts", {}).items()] + support,
    }


def _gate(gate: dict | None) -> Verdict:
    if gate is None:
        return Verdict("unknown", "Not judged yet: it was not held against any threshold.", ())
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


def _size(n: float, low: float) -> str:
    within = f"Up to {about(low / 10)} observations need no correction (with 95 % confidence)"
    return f"{within}; at about {about(n)}, the trust size, what it learned wrongly weighs as much as the noise."


def _row(p: str, b: dict) -> dict[str, str]:
    std = b["posterior_std"]
    rounding = Rounding.to(std, b["theta_hat"])
    number = lambda v: DASH if v is None else rounding(v) + rounding.power  # noqa: E731

    def span(key, open_ends=(False, False)):
        return DASH if b.get(key) is None else interval(b[key], std, open_ends)

    return {
        "parameter": p, "unit": "" if b["unit"] == "1" else b["unit"], "definition": b["definition"],
        "theta_hat": number(b["theta_hat"]), "posterior": with_error(b["posterior_mean"], std), "std": number(std),
        "interval_68": span("interval_68"), "interval_95": span("interval_95"),
        "profile_68": span("profile_68", b["profile_open_68"]), "profile_95": span("profile_95", b["profile_open_95"]),
        "neyman_68": span("neyman_68"), "neyman_95": span("neyman_95"),
        "curvature": number(b["curvature_std"]), "sandwich": number(b.get("sandwich_std")),
        "truth": number(b.get("truth")), "pull": DASH if b.get("pull") is None else signed(b["pull"]),
    }  # fmt: skip


def _modality(m: str, b: dict, weighed: list[str], summary: dict) -> dict:
    correction = f"; {b['correction']}" if b.get("correction") else ""
    encoder, shards = b["encoder"], summary["provenance"]["shards"].get(m, [])
    beyond = b["n_over_trust"] is not None and b["n_over_trust"] > 0.1 and not corrected(b)
    return {
        "name": m, "title": b.get("title") or "", "set": b["set"] or DASH, "n": b["n"], "dropped": b["dropped"],
        "trust": DASH if b["trust_size"] is None else plain(b["trust_size"]),
        "ratio": DASH if b["n_over_trust"] is None else percent(b["n_over_trust"]) + " †" * beyond,
        "shares": [_share(b["weight"].get(p)) for p in weighed],
        "encoder": encoder and f"{encoder['name']}, version {encoder['version']}" + correction,
        "digest": encoder and encoder["digest"][:16],
        "shards": ", ".join(f"{s['name']} ({s['n']})" for s in shards) or DASH,
    }  # fmt: skip


def _share(weight: float | None) -> tuple[str, int]:
    return (
        (DASH, 0) if weight is None else (percent(weight), round(100 * min(max(weight, 0.0), 1.0)))
    )


def _alone(summary: dict) -> dict | None:
    blocks, parts = summary["parameters"], summary["modalities"]
    names = [
        p
        for p in blocks
        if any(p in b["parameters"] for b in [*parts.values(), *summary["leave_one_out"].values()])
    ]
    if not names:
        return None
    rows = [
        (m, b["parameters"], b.get("pull") or {}) for m, b in parts.items() if b["dropped"] is None
    ]
    rows += [(f"without {m}", b["parameters"], {}) for m, b in summary["leave_one_out"].items()]
    rows += [(TOGETHER, blocks, {})]
    cells = [(who, [_cell(p, of, pulls) for p in names]) for who, of, pulls in rows]
    return {"symbols": [_symbol(p, blocks) for p in names], "rows": cells}


def _cell(p: str, blocks: dict, pulls: dict) -> tuple[str, str]:
    if p not in blocks:
        return DASH, ""
    pull = pulls.get(p)
    return with_error(
        blocks[p]["posterior_mean"], blocks[p]["posterior_std"]
    ), "" if pull is None else f"pull {signed(pull)}"


def _tension(tension: dict | None) -> str:
    if tension is None:
        return ""
    note = f" ({tension['note'].rstrip('.')})" if tension.get("note") else ""
    found = f"Q = {tension['Q']:.1f} with {tension['dof']:g} degrees of freedom, p = {tension['p_value']:.2g}"
    return f"Tension between the kinds of data: {found}{note}."


def _sections(summary: dict) -> list[tuple[str, str]]:
    first = [("contours", "contours"), ("profile", "profiles"), ("modalities", "each kind of data")]
    return (
        first
        + [("calibration", "calibration")] * bool(summary["calibration"])
        + [("provenance", "where this came from")]
    )


def _provenance(summary: dict) -> list[tuple[str, str]]:
    p, sampling = summary["provenance"], summary["sampling"]
    effective = (
        f", {sampling['effective']:.0f} effective" if sampling.get("effective") is not None else ""
    )
    return [
        ("project commit", p["commit"] or "not known"),
        ("packages", _text(p["packages"])),
        ("seeds", _text(p["seeds"])),
        ("posterior", f"{sampling['method']}; {sampling['samples']} samples{effective}"),
    ]


def _text(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_text(v)}" for k, v in sorted(value.items()))
    return ", ".join(map(_text, value)) if isinstance(value, (list, tuple)) else str(value)


def _value(p: str, b: dict) -> str:
    return in_unit(f"{p} = {with_error(b['posterior_mean'], b['posterior_std'])}", b["unit"])


def _symbol(p: str, blocks: dict) -> Markup:
    return Markup(symbol_html(p, blocks[p]["latex"]))


def _symbols(text: str, blocks: dict) -> Markup:
    out = str(Markup.escape(text))
    for p in blocks:
        out = out.replace(f" {p} = ", f" {_symbol(p, blocks)} = ")
    return Markup(out)
