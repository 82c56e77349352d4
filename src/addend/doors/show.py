"""The door to an answer that stands: `addend show <fusion>`."""

from .. import places, settings
from ..errors import NoObservations
from ..sealed import require_sealed


def show(fusion: str) -> None:
    """Print theta_hat with intervals, the verdict, and where the page is, as `report` wrote them.

    Raises:
        BadSetting: There is no such fusion.
        NoObservations: It has no report.
        TamperedFile: The report is not what `report` wrote.
    """
    path = places.report(fusion) / places.SAID
    if not path.exists():
        settings.fusion(places.ROOT, fusion)
        raise NoObservations(f"fusion '{fusion}' has no report", f"run 'dvc repro report@{fusion}'")
    require_sealed(path.parent, f"report@{fusion}")
    print(path.read_text(encoding="utf8"))
