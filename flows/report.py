"""Key figures of a report: read from its summary.json, for a terminal or a flow run's page."""

import json
from pathlib import Path
from typing import Any

from flows.graph import Stage


def reports(stage: Stage) -> list[Path]:
    """Folders among a stage's outputs that hold a report."""
    return [Path(out) for out in stage.outs if (Path(out) / "summary.json").is_file()]


def rows(report: Path) -> list[dict[str, str]]:
    """One row a parameter: theta_hat and the intervals, as text."""
    return [
        {
            "parameter": name,
            "theta_hat": f"{p['theta_hat']:.5g}",
            "68 %": _interval(p["interval_68"]),
            "95 %": _interval(p["interval_95"]),
            "unit": p["unit"],
        }
        for name, p in _summary(report)["parameters"].items()
    ]


def show(report: Path) -> None:
    """Print the key figures, what the report warns of, and where the page lies."""
    print(f"\n{report.name}: theta_hat with 68 % and 95 % intervals")
    for row in rows(report):
        print("  {parameter:<24} {theta_hat:>10}  {68 %:>20}  {95 %:>20}  {unit}".format(**row))
    for warning in _summary(report).get("warnings", []):
        print(f"  ! {warning}")
    print(f"  {report / 'index.html'}")


def _summary(report: Path) -> dict[str, Any]:
    return json.loads((report / "summary.json").read_text())


def _interval(bounds: list[float]) -> str:
    return "[{:.5g}, {:.5g}]".format(*bounds)
