"""`resolve`: which encoder of which modality a fusion uses, by digest, and which commit of the project.

The number that a registry counts is left out: it depends on what that registry saw before.

It always runs, so it imports no network: asking the registry and reading a manifest is all it does.
"""

from typing import Any

from .. import known, places, settings
from ..artifact import read_manifest
from ..champions import no_champion
from ..history import code_version
from ..parameters import ParameterSpace, read_agreement
from ..registry import Registry
from ..sealed import write_json
from ..settings import TermSettings


def resolve(fusion: str) -> None:
    """Pin the champion of every modality, after its parameters have been held against the agreement.

    Raises:
        UnknownModality: A modality that nobody knows.
        NoChampion: A modality that the fusion needs has no promoted encoder.
        DefinitionMismatch: A parameter means one thing to an encoder and another in the agreement.
    """
    asked, agreement = settings.fusion(places.ROOT, fusion), read_agreement(places.ROOT)
    registry = Registry(root=places.ROOT)
    for name, term in asked.modalities.items():
        if not term.optional:
            known.require_modality(name, f"fusion '{fusion}' of params.yaml")
    pins = {name: _pin(registry, agreement, name, term) for name, term in asked.modalities.items()}
    write_json(places.fusion(fusion, "pins.json"), pins)
    write_json(places.fusion(fusion, "code.json"), code_version(places.ROOT))


def _pin(
    registry: Registry, agreement: ParameterSpace, name: str, term: TermSettings
) -> dict[str, Any]:
    version = registry.champion(name)
    if version is None and term.optional:
        return {"dropped": "it has no promoted encoder"}
    if version is None:
        raise no_champion(name, ", or say 'optional: true' of it in the fusion")
    manifest = read_manifest(registry.fetch(version))
    ParameterSpace.from_list(manifest["parameters"]).require_same(
        agreement, f"the encoder of '{name}'", "parameters.yaml"
    )
    return {"dropped": None, "name": version.name, "digest": version.digest}
