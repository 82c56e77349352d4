"""The door to an answer that stands: `addend show <fusion>`."""

from .. import answers, places, settings
from ..errors import NoObservations
from ..report.terminal import said


def show(fusion: str) -> None:
    """Print theta_hat with intervals, the verdict, and where the page is.

    Raises:
        BadSetting: There is no such fusion.
        NoObservations: It has no report.
    """
    path = places.report(fusion) / places.SUMMARY
    if not path.exists():
        settings.fusion(places.ROOT, fusion)
        raise NoObservations(f"fusion '{fusion}' has no report", f"run 'dvc repro report@{fusion}'")
    answer = answers.read_answer(path)
    print(said(answer))
    print(f"\n{places.report(fusion) / 'index.html'}\n")
