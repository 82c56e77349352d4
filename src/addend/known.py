"""What there is to name: modalities and their sets. Who names another is told what there is.

Finding a set in shards costs a look at a file; only where there is none are the packages asked what they ship.
"""

from . import places
from .errors import NoObservations, UnknownModality, nearest, shown
from .packages import offered
from .settings import FusionSettings


def modalities() -> list[str]:
    """Modalities that a package offers, or that have a folder of the project or observations."""
    packaged = {point.name for point in offered()}
    homes = (places.ROOT / "modalities", places.ROOT / "data" / "observations")
    return sorted(packaged | {folder.name for home in homes for folder in home.glob("*/")})


def sets(modality: str) -> list[str]:
    """Sets of a modality: those in shards, and those that its package ships."""
    from .modality import installed  # here, because it takes seconds to import torch

    here = installed()
    shipped = here[modality].sets() if modality in here else {}
    return sorted({folder.name for folder in places.sets(modality)} | set(shipped))


def require_modality(name: str, who: str) -> None:
    """Raise `UnknownModality` unless there is the modality that somebody names."""
    if name not in (found := modalities()):
        said = f"{who} names the modality {shown(name)}, found {', '.join(found) or 'none'}"
        raise UnknownModality(said, nearest(name, found, "install its package"))


def require_set(modality: str, name: str, who: str) -> None:
    """Raise `NoObservations` unless there is the set that somebody names, in shards or in a package."""
    if name not in (found := sets(modality)):
        said = (
            f"{who} names the set {shown(name)} of '{modality}', found {', '.join(found) or 'none'}"
        )
        bring = f"bring it with 'addend ingest {modality} <table.csv> --set {name}'"
        raise NoObservations(said, nearest(name, found, bring))


def require_terms(fusion: FusionSettings) -> None:
    """Raise the mistake of the first term that is not optional and whose modality or set nobody knows.

    What a package that is not installed ships is known to no one: its sets may be there later.
    """
    who = f"fusion '{fusion.name}' of params.yaml"
    for name, term in fusion.modalities.items():
        if term.optional:
            continue
        require_modality(name, who)
        if term.set is None:
            continue
        in_shards = term.set in {folder.name for folder in places.sets(name)}
        if not in_shards and name in {point.name for point in offered()}:
            require_set(name, term.set, who)
