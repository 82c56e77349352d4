"""`python -m benchmarks.page`: docs/measured.md from the last full runs under results/, table by table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .record import read
from .record import text as text_of

PAGE = Path(__file__).resolve().parent.parent / "docs" / "measured.md"
HEAD = """# Measured

The last full run of every benchmark, written by `python -m benchmarks.page` from `benchmarks/results/`. CPU seconds are of one
thread; rates differ from machine to machine and hour to hour, ratios are taken within one run.
"""
KEPT = ("task", "method", "cpu s")


PLAIN = {
    "training": (
        "Training",
        "sbi's network by sbi's loop and by ours, to the same held-out log-likelihood. `python -m benchmarks training`.",
    ),
    "programs": (
        "Programs",
        "The same modules as programs and as torch's own archives, both written and loaded in one process: whether their\n"
        "numbers are the same bits, and the least time of each, loading in milliseconds. `python -m benchmarks programs`.",
    ),
    "see": (
        "Encoders that see",
        "The registered supernovae encoder on the published table, H0 fixed, over a grid of (Om, M), against the\n"
        "exact likelihood written apart from its simulator: rms over the 95 % region, mean and width of Om.\n"
        "`python -m benchmarks see`.",
    ),
    "information": (
        "What f_m keeps",
        "Maps of 64 x 64 pixels under a Gaussian law with an exact score: the part of the Fisher information that psi keeps, by\n"
        "what makes f_m, each of the same 32,768 maps, and N* of the encoder. `python -m benchmarks information`.",
    ),
    "labels": (
        "Labels",
        "Maps of 16 x 16 pixels: the part of the Fisher information that psi keeps, by the number of labelled simulations, f_m\n"
        "with them or, without labels, from 10^5 other maps; mean, spread and least of five seeds. 500 steps each, too few for\n"
        "a network without features: a comparison, in which f_m without labels kept nothing. `python -m benchmarks labels`.",
    ),
    "budget": (
        "Quality against budget",
        "n simulations of a modality whose likelihood is known, and nothing else: rms of Delta S over the 95 % region of twelve\n"
        "mock data sets, its largest, in nats, and the CPU seconds of training. sbi 0.27's NLE by its defaults, one run each,\n"
        "on the same pool; it was not given 10^6, nor 10^5 of bao, and why 10^5 is worse than 10^4 was not looked into.\n"
        "`python -m benchmarks budget`.",
    ),
    "rounds": (
        "A second round",
        "The same quality, of four data sets, from n simulations in one round over the support, or in two of n / 2, the second\n"
        "within the ranges that the first leaves of each data set. Two of the four second encoders of 5000 chronometers did not\n"
        "hold on held-out rows what they had learned; why is not known. Ended before bao at 10^4. `python -m benchmarks rounds`.",
    ),
    "sky": (
        "The sky",
        "`make sky`: the posterior's error of the sum and of each modality alone, the pull, and how often calibrated intervals\n"
        "held the truth in simulated universes; 99 % of counts of the stated rate lie within chance. `python -m benchmarks sky`.",
    ),
    "drills": (
        "Drills",
        "Stages killed at random moments, run at once, out of room, and every kind of file with a byte changed: how many came\n"
        "out as they should, and what was lost, doubled, orphaned, left over or told without a name. `make drills`.",
    ),
}
"""Results that are one table: what the section is called, and what it says."""
ORDER = (
    "efficiency", "slcp", "speed", "training", "trust", "programs", "see", "information", "labels", "budget", "rounds",
    "sirens", "sky", "drills", "audit",
)  # fmt: skip


def render() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(part for name in ORDER for part in _told(name))])


def _told(name: str) -> list[str]:
    if name in PLAIN:
        title, text = PLAIN[name]
        return _section(title, read(name), text)
    own = {
        "efficiency": efficiency,
        "slcp": slcp,
        "speed": speed,
        "trust": trust,
        "sirens": sirens,
        "audit": audit,
    }
    return own[name]()


def efficiency() -> list[str]:
    """One line for each task and method, with the figures at each N."""
    found = read("efficiency")
    if not found:
        return []
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in found["rows"]:
        groups.setdefault(tuple(row[k] for k in KEPT), []).append(row)
    rows = [
        {
            **dict(zip(KEPT, key, strict=True)), "N": _each(some, "N"), "bias": _each(some, "bias"),
            "worst": _each(some, "worst"), "noise": text_of(some[-1]["noise"]), "added variance": _each(some, "added"),
            "68 / 95 %": f"{100 * some[-1]['covered 68']:.0f} / {100 * some[-1]['covered 95']:.0f}",
            "exact": f"{100 * some[-1]['exact 68']:.0f} / {100 * some[-1]['exact 95']:.0f}",
            "bias beyond teacher": _each(some, "bias beyond teacher"), "added": _each(some, "added beyond teacher"),
        }
        for key, some in groups.items()
    ]  # fmt: skip
    text = (
        "theta_hat of a learned S against the exact maximum on the same data, 12 theta x 20 data sets, in standard errors of\n"
        "the exact estimator at that N: mean over theta and coordinates of |bias|, the largest, and the noise of each. Coverage\n"
        "is at the largest N. 10^6 simulations a task. `python -m benchmarks efficiency`."
    )
    return _section("Statistical efficiency", found, text, rows)


def slcp() -> list[str]:
    """SLCP as a sum."""
    text = (
        "Mean over the ten observations of sbibm's task of the accuracy of a classifier that tells our draws from the\n"
        "reference posterior's. S has four terms and uses that the likelihood factorises; the methods of sbibm's table (NLE\n"
        "0.771 and 0.699 at 10^4 and 10^5 calls) were not told so. `python -m benchmarks slcp`."
    )
    return _section("SLCP", read("slcp"), text)


def speed() -> list[str]:
    """The ratios, then the rates."""
    found = read("speed")
    text = "Pairs (one observation at one theta) per CPU second, beside sbi's potentials. `python -m benchmarks speed`."
    return (
        [*_section("Speed", found, text, found["summary"]), _markdown(found["rows"]), ""]
        if found
        else []
    )


def trust() -> list[str]:
    """The four tables of trust, each with its own columns."""
    found = read("trust")
    if not found:
        return []
    parts = _section(
        "Trust",
        found,
        "What each table says is at the head of benchmarks/trust.py. `python -m benchmarks.trust`.",
        None,
    )
    for name in dict.fromkeys(row["table"] for row in found["rows"]):
        rows = [
            {k: v for k, v in row.items() if k != "table"}
            for row in found["rows"]
            if row["table"] == name
        ]
        parts += [f"{name}:", "", _markdown(rows), ""]
    return parts


def sirens() -> list[str]:
    """Formulas against brute force, and at a truth."""
    found = read("sirens")
    if not found:
        return []
    text = (
        "Single events by f_m's formulas and by brute force: the part of the variance of the score in ln d that is kept, in\n"
        "all and below a signal-to-noise ratio of 35; the mean by which the score is off; Delta S over the 95 % region."
    )
    first, *rest = found["rows"]
    of_truth = (
        "Events at H0 = 70 km/s/Mpc, Om = 0.3 in universes of N: how often the region of likelihood ratios held the truth, the\n"
        "score at the truth of the best known combination over its mean curvature, the pull of theta_hat along it, the mean\n"
        "theta_hat. The last row is all of the events before it as one. `python -m benchmarks sirens`.\n\n"
    )
    return [*_section("Sirens", found, text, [first]), of_truth + _markdown(rest), ""]


def audit() -> list[str]:
    """Widths against the exact likelihood's, then coverage."""
    found = read("audit")
    text = (
        "Width of each interval of the fusion over that of the exact likelihood's, each by its own critical values, and the\n"
        "shift of theta_hat in sigma; then how often the sets hold the truth. `make audit`."
    )
    return (
        [
            *_section("The fusions audited", found, text, found["widths"]),
            _markdown(found["rows"]),
            "",
        ]
        if found
        else []
    )


def _section(
    title: str, found: dict[str, Any] | None, text: str, rows: Sequence[dict[str, Any]] | None = ()
) -> list[str]:
    if not found:
        return []
    versions = ", ".join(f"{k} {v}" for k, v in found["versions"].items() if k != "addend")
    where = f"{found['when'][:10]}, {found['machine']}, Python {found['python']}, {versions}."
    return [
        f"## {title}",
        "",
        text,
        "",
        where,
        "",
        *([] if rows is None else [_markdown(rows or found["rows"]), ""]),
    ]


def _each(rows: list[dict[str, Any]], key: str) -> str:
    values = [text_of(row[key]) for row in rows]
    return "-" if set(values) == {"-"} else " / ".join(values)


def _markdown(rows: Sequence[dict[str, Any]]) -> str:
    columns = list(dict.fromkeys(k for row in rows for k in row))
    lines = [
        columns,
        ["---"] * len(columns),
        *([text_of(row.get(c)) for c in columns] for row in rows),
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(render())
    print(f"wrote {PAGE}")
