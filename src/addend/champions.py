"""The promoted encoder of a modality, or why there is none."""

from pathlib import Path

from . import places
from .errors import NoChampion
from .names import plain
from .registry import Registry
from .sealed import read_json


def champion(name: str) -> Path:
    """The folder of a modality's promoted encoder, verified; `NoChampion` if there is none."""
    registry = Registry(root=places.ROOT)
    version = registry.champion(plain(name))
    if version is None:
        raise no_champion(name)
    return registry.fetch(version)


def no_champion(name: str, otherwise: str = "") -> NoChampion:
    """The mistake, with the remedy that fits: what `register` last said of the modality stands in its pin."""
    what, repro, pin = (
        f"modality '{name}' has no promoted encoder",
        "run 'dvc repro",
        places.pin(name, apart=places.pin(name, apart=True).exists()),
    )
    stage = f"modalities/{name}/dvc.yaml:register"
    said = read_json(pin, stage) if pin.exists() else None
    if said is None:
        return NoChampion(what, f"{repro} modalities/{name}/dvc.yaml'{otherwise}")
    if said["promoted"]:
        lost = f"{what} in the registry, though {pin} says that one was promoted"
        return NoChampion(
            lost,
            f"{repro} -f -s {stage}' to register it again{otherwise}",
        )
    refused = f"{what}, the last one was refused ({said['reason']})"
    return NoChampion(
        refused, f"mend its settings and {repro} modalities/{name}/dvc.yaml'{otherwise}"
    )
