"""`resolve`: which registered version of which encoder a fusion uses.

It always runs, so it imports no network: asking the registry and reading a manifest is all it does.
"""

import json

from ..artifact import read_manifest
from ..durable import written_beside
from ..errors import NoChampion
from ..parameters import ParameterSpace, read_agreement
from ..registry import Registry
from . import places


def resolve(fusion: str) -> None:
    """Pin the champion of every modality, after its parameters have been held against the agreement.

    Raises:
        NoChampion: A modality that the fusion needs has no promoted encoder.
        DefinitionMismatch: A parameter means one thing to an encoder and another in the agreement.
    """
    registry, agreement = Registry(root=places.ROOT), read_agreement(places.ROOT)
    named = places.fusion_settings(fusion)["modalities"]
    pins = {name: _pin(registry, agreement, name, wanted) for name, wanted in named.items()}
    path = places.fusion(fusion, "pins.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_beside(path) as temporary:
        temporary.write_text(json.dumps(pins, indent=1, sort_keys=True) + "\n")


def _pin(registry: Registry, agreement: ParameterSpace, name: str, wanted: dict) -> dict:
    version = registry.champion(name)
    if version is None and wanted.get("optional"):
        return {"dropped": "it has no promoted encoder"}
    if version is None:
        raise no_champion(name, ", or say 'optional: true' of it in the fusion")
    manifest = read_manifest(registry.fetch(version))
    ParameterSpace.from_list(manifest["parameters"]).require_same(
        agreement, f"the encoder of '{name}'", "parameters.yaml"
    )
    return {
        "dropped": None,
        "name": version.name,
        "version": version.version,
        "digest": version.digest,
        "run_id": "",
    }


def no_champion(name: str, otherwise: str = "") -> NoChampion:
    """The mistake, with the remedy that fits: what `register` last said of the modality stands in its pin."""
    what, repro, pin = (
        f"modality '{name}' has no promoted encoder",
        "run 'dvc repro",
        places.pin(name),
    )
    said = json.loads(pin.read_text()) if pin.exists() else None
    if said is None:
        return NoChampion(what, f"{repro} modalities/{name}/dvc.yaml'{otherwise}")
    if said["promoted"]:
        lost = f"{what} in the registry, though {pin} says that one was promoted"
        return NoChampion(
            lost,
            f"{repro} -f -s modalities/{name}/dvc.yaml:register' to register it again{otherwise}",
        )
    refused = f"{what}, the last one was refused ({said['reason']})"
    return NoChampion(
        refused, f"mend its settings and {repro} modalities/{name}/dvc.yaml'{otherwise}"
    )
