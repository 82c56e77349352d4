"""What there is: modalities with their sets and champions, and the fusions that sum them. Nothing is changed by looking."""

from .. import known, places, settings
from ..errors import NoObservations
from ..modality import installed
from ..registry import Registry
from ..settings import TermSettings
from ..shards import open_set


def modalities() -> str:
    """Every installed modality: its parameters, the sets it has in shards, its champion."""
    registry = Registry(root=places.ROOT)
    blocks = []
    for name, modality in sorted(installed().items()):
        sets = [folder.name for folder in places.sets(name)]
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
    for name, asked in settings.fusions(places.ROOT).items():
        lines = {m: _term(registry, m, term) for m, term in asked.modalities.items()}
        if asked.truth is not None:
            lines["mock at"] = ", ".join(f"{k} = {v:g}" for k, v in asked.truth.items())
        blocks.append(_block(name, lines))
    return "\n".join(blocks)


def _term(registry: Registry, name: str, term: TermSettings) -> str:
    if name not in (there := known.modalities()):
        return f"no such modality, found {', '.join(there) or 'none'}"
    observed = _set(name, term.set) if term.set else term.observed
    return f"{observed}, {_champion(registry, name)}{', optional' * term.optional}"


def _set(modality: str, name: str) -> str:
    try:
        found = open_set(places.observations(modality, name))
    except NoObservations:
        there = [folder.name for folder in places.sets(modality)]
        return f"{name} (no observations, found {', '.join(there) or 'none'})"
    return f"{name} ({found.n}{' mock' * found.attrs['mock']})"


def _champion(registry: Registry, name: str) -> str:
    version = registry.champion(name)
    return f"version {version.version}, {version.digest[:12]}" if version else "no champion"


def _block(heading: str, lines: dict[str, str]) -> str:
    width = max(map(len, lines), default=0)
    return "\n".join([heading, *(f"  {label:{width}}  {text}" for label, text in lines.items())])
