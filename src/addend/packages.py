"""The modalities that installed packages offer, by name; none of them is imported to be listed."""

from importlib.metadata import EntryPoint, entry_points

GROUP = "addend.modalities"


def offered() -> list[EntryPoint]:
    """Every offer, in the order in which packages are found; two may bear one name."""
    return list(entry_points(group=GROUP))
