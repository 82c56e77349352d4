"""`observe`: the sets that a package ships, brought into shards by the door every table takes."""

from .. import places, shards
from ..modality import find


def observe(name: str) -> None:
    """Write every set that the package ships, with who published it."""
    modality = find(name)
    origins = modality.origins()
    for set_name, table in modality.sets().items():
        source = origins.get(set_name, f"shipped with addend-{name}")
        facts = {"modality": name, "set": set_name, "mock": False, "source": source}
        folder = places.observations(name, set_name)
        shards.write_set(folder, modality.read(table), modality.schema, facts)
