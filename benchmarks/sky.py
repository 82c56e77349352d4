"""What `make sky` found, as a table: `python -m benchmarks sky`, where it has been made.

One row a parameter: its truth and theta_hat, the errors of each modality alone where it has one, that of the sum, and how often
intervals of 68 and 95 % held the truth in simulated universes, within what chance allows.
"""

import json
from typing import Any

from scipy.stats import binom

from addend import places

from .record import table, write

CHANCE = 0.99
"""Of all counts of an audit of the stated rate, this part lies within the bounds."""


def run(quick: bool) -> None:
    """Read, print and keep."""
    report = places.ROOT / "data" / "reports" / "sky"
    if not report.exists():
        print(f"no {report} at hand: run 'make sky'")
        return
    summary = json.loads((report / "summary.json").read_text())
    rows = [_parameter(name, summary) for name in summary["parameters"]]
    print(table(rows))
    counts = {m: each["n"] for m, each in summary["modalities"].items()}
    write("sky", quick, rows, observations=counts, quoted=summary["quote"])


def _parameter(name: str, summary: dict[str, Any]) -> dict[str, Any]:
    block, alone = summary["parameters"][name], {}
    for m, each in summary["modalities"].items():
        if name in each["parameters"]:
            alone[m] = float(f"{each['parameters'][name]['posterior_std']:.3g}")
    return {
        "parameter": name, "truth": block["truth"], "theta_hat": block["theta_hat"], "error": block["posterior_std"],
        "alone": ", ".join(f"{m} {error:g}" for m, error in alone.items()),
        "pull": block["pull"], **_held(name, summary),
    }  # fmt: skip


def _held(name: str, summary: dict[str, Any]) -> dict[str, Any]:
    audit = summary["calibration"]["coverage"]
    calibrated = next(each for each in audit if each["label"] == "calibrated")
    n, found = summary["calibration"]["audit"]["trials"], {}
    for stated in (68.27, 95.45):
        at = min(
            range(len(calibrated["levels"])),
            key=lambda k: abs(100 * calibrated["levels"][k] - stated),
        )
        low, high = binom.interval(CHANCE, n, calibrated["levels"][at])
        hits = calibrated["hits"][name][at]
        found[f"held at {stated:.0f} %"] = hits / n
        found[f"chance at {stated:.0f} %"] = f"{low / n:.3f} to {high / n:.3f}"
    return found
