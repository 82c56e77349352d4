"""`gather`: the sets that a fusion names; where it states a truth, mock ones drawn there."""

from .. import known, places, settings, shards
from ..errors import BadSetting, NoObservations
from ..mocks import mock
from ..sealed import sealed_folder


def gather(fusion: str) -> None:
    """The sets that a fusion names; where it states a truth, mock ones drawn there, at sets' own covariates or without a set."""
    asked = settings.fusion(places.ROOT, fusion)
    known.require_terms(asked)
    with sealed_folder(places.fusion(fusion, "observations")) as folder:
        for name, wanted in asked.modalities.items():
            if wanted.drawn and asked.truth is not None:
                mock(folder / name, name, wanted.drawn, asked.truth, asked.seed)
                continue
            try:
                found = shards.read_set(places.observations(name, wanted.set))
            except NoObservations:
                if not wanted.optional:
                    raise
                continue
            if asked.truth is not None:
                mock(folder / name, name, found, asked.truth, asked.seed)
            else:
                _require_real(name, found)
                shards.copy_set(found, folder / name)


def _require_real(name: str, found: shards.ObservationSet) -> None:
    if found.attrs["mock"]:
        raise BadSetting(
            f"the set '{found.attrs['set']}' of '{name}' is mock data in a fusion that states no truth",
            "name a real set, or give the fusion a truth: real and mock are never mixed",
        )
