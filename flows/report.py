"""What the reports say, as `addend report` left it: for a terminal, or a flow run's page."""

from pathlib import Path

from addend import places
from flows.graph import Stage


def reports(stage: Stage) -> list[Path]:
    """Folders among a stage's outputs that hold a report."""
    return [Path(out) for out in stage.outs if (Path(out) / places.SAID).is_file()]


def said(report: Path) -> str:
    """Its key figures, whether to believe them, and where the page lies."""
    return (report / places.SAID).read_text(encoding="utf8")
