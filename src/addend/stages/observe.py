"""`observe`: the sets that a package ships, brought into shards by the door every table takes."""

from .. import places, shards
from ..modality import find


def observe(name: str) -> None:
    """Write every set that the package ships."""
    modality = find(name)
    for set_name, table in modality.sets().items():
        facts = {
            "modality": name,
            "set": set_name,
            "mock": False,
            "source": f"shipped with addend-{name}",
        }
        shards.write_set(
            places.observations(name, set_name), modality.read(table), modality.schema, facts
        )
