"""Everything that people write, judged before anything runs."""

from pathlib import Path

from . import known, settings
from .parameters import ParameterSpace, read_agreement
from .settings import FusionSettings


def require_usable(root: Path) -> None:
    """Raise the first mistake of `parameters.yaml`, `params.yaml` and those of the modalities, whichever stage would meet it.

    Raises:
        BadSetting: A file, a section or a value that cannot be used.
        UnknownModality, NoObservations, UnknownParameter: A fusion names what nobody knows.
    """
    agreement, fusions = read_agreement(root), settings.fusions(root)
    for path in sorted(Path(root).glob("modalities/*/params.yaml")):
        settings.modality(root, path.parent.name).require_every_section()
    for fusion in fusions.values():
        _require_known(fusion, agreement)


def _require_known(fusion: FusionSettings, agreement: ParameterSpace) -> None:
    known.require_terms(fusion)
    agreement.index(list(fusion.truth or ()))
