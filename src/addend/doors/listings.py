"""What there is: modalities with their sets and champions, and the fusions that sum them. Nothing is changed by looking."""

from .. import places
from ..errors import NoObservations
from ..modality import installed
from ..registry import Registry
from ..shards import open_set


def modalities() -> str:
    """Every installed modality: its parameters, the sets it has in shards, its champion."""
    registry = Registry(root=places.ROOT)
    blocks = []
    for name, modality in sorted(installed().items()):
        sets = [folder.name for folder in sorted(places.observations(name, "").glob("*/"))]
        lines = {
            "parameters": ", ".join(modality.parameters),
            "sets": ", ".join(_set(name, each) for each in sets)
            or f"none; 'addend observe {name}' brings those it ships",
            "champion": _champion(registry, name),
        }
        blocks.append(_block(f"{name}: {modality.title}", lines))
    return (
        "\n".join(blocks)
        or "no modality is installed; 'pip install -e modalities/toy' installs one"
    )


def fusions() -> str:
    """Every fusion of params.yaml: which set of which modality with which champion, and its truth if it is mock."""
    registry = Registry(root=places.ROOT)
    blocks = []
    for name, settings in places.fusions().items():
        lines = {
            m: f"{_set(m, wanted['set'])}, {_champion(registry, m)}{', optional' * bool(wanted.get('optional'))}"
            for m, wanted in settings["modalities"].items()
        }
        if "truth" in settings:
            lines["mock at"] = ", ".join(f"{k} = {v:g}" for k, v in settings["truth"].items())
        blocks.append(_block(name, lines))
    return "\n".join(blocks)


def _set(modality: str, name: str) -> str:
    try:
        found = open_set(places.observations(modality, name))
    except NoObservations:
        return f"{name} (no observations)"
    return f"{name} ({found.n}{' mock' * found.attrs['mock']})"


def _champion(registry: Registry, name: str) -> str:
    version = registry.champion(name)
    return f"version {version.version}, {version.digest[:12]}" if version else "no champion"


def _block(heading: str, lines: dict[str, str]) -> str:
    width = max(map(len, lines), default=0)
    return "\n".join([heading, *(f"  {label:{width}}  {text}" for label, text in lines.items())])
