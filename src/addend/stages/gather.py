"""`gather`: the sets that a fusion names; where it states a truth, mock ones drawn there."""

from .. import known, places, settings, shards
from ..errors import BadSetting, NoObservations
from ..mocks import mock
from ..sealed import sealed_folder
from ..settings import TermSettings


def gather(fusion: str) -> None:
    """The sets that a fusion names; where it states a truth, mock ones drawn there, at sets' own covariates or without a set."""
    asked = settings.fusion(places.ROOT, fusion)
    known.require_terms(asked)
    with sealed_folder(places.fusion(fusion, "observations")) as folder:
        for name, wanted in asked.modalities.items():
            found = _like(name, wanted)
            if found is None:
                continue
            if asked.truth is not None:
                mock(folder / name, name, found, asked.truth, asked.seed)
            elif isinstance(found, shards.ObservationSet):
                _require_real(name, found)
                shards.copy_set(found, folder / name)


def _like(name: str, wanted: TermSettings) -> shards.ObservationSet | int | None:
    """The set that a term names, or how many are to be drawn; None where it is not there and may be left out."""
    if wanted.set is None:
        return wanted.drawn
    try:
        return shards.read_set(places.observations(name, wanted.set))
    except NoObservations:
        if wanted.optional:
            return None
        raise


def _require_real(name: str, found: shards.ObservationSet) -> None:
    if found.attrs["mock"]:
        raise BadSetting(
            f"the set '{found.attrs['set']}' of '{name}' is mock data in a fusion that states no truth",
            "name a real set, or give the fusion a truth: real and mock are never mixed",
        )
