"""Where everything lies under the project's root, and its settings."""

import re
from pathlib import Path

import yaml

from .errors import BadSetting
from .settings import require_fusion

ROOT = Path()
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
POOLS = ("train", "calibrate", "audit")


def observations(modality: str, name: str) -> Path:
    """A set of observations of a modality."""
    return ROOT / "data" / "observations" / modality / name


def pool(modality: str, name: str) -> Path:
    """A pool of simulations of a modality: train, calibrate or audit."""
    return ROOT / "data" / "simulations" / modality / name


def encoder(modality: str, part: str) -> Path:
    """What a stage made of an encoder: `backbone`, `head` or `record`."""
    return ROOT / "data" / "encoders" / modality / part


def pin(modality: str) -> Path:
    """What `register` says of a modality's encoder."""
    return ROOT / "data" / "pins" / f"{modality}.json"


def fusion(name: str, part: str) -> Path:
    """What a stage made of a fusion: `pins.json`, `terms`, `fit` or `calibration`."""
    return ROOT / "data" / "fusions" / name / part


def report(name: str) -> Path:
    """The report of a fusion."""
    return ROOT / "data" / "reports" / name


def plain(name: str) -> str:
    if not NAME.fullmatch(name):
        raise BadSetting(
            f"'{name}' cannot name a folder",
            "use letters, digits, '.', '_' and '-', a letter or digit first",
        )
    return name


def settings(modality: str, section: str) -> dict:
    """A section of `modalities/<modality>/params.yaml`."""
    return _section(ROOT / "modalities" / modality / "params.yaml", section)


def fusions() -> dict[str, dict]:
    """Every fusion of the root `params.yaml`; `BadSetting` for the first that cannot be used."""
    return {
        name: require_fusion(name, found)
        for name, found in _section(ROOT / "params.yaml", "fusions").items()
    }


def fusion_settings(name: str) -> dict:
    """The fusion of that name; `BadSetting` if there is none, or it cannot be used."""
    found = _section(ROOT / "params.yaml", "fusions")
    if name not in found:
        raise BadSetting(
            f"there is no fusion '{name}', found {', '.join(map(str, found)) or 'none'}",
            "name it in params.yaml",
        )
    return require_fusion(name, found[name])


def _section(path: Path, name: str) -> dict:
    try:
        found = (yaml.safe_load(path.read_text()) or {})[name]
    except FileNotFoundError:
        raise BadSetting(
            f"there is no {path}", "run from the project's root, or create it"
        ) from None
    except (KeyError, TypeError):
        raise BadSetting(f"{path} has no section '{name}'", "add it") from None
    except yaml.YAMLError as e:
        raise BadSetting(f"{path} is not YAML ({type(e).__name__})", "mend it") from None
    if not isinstance(found, dict):
        raise BadSetting(
            f"section '{name}' of {path} is {found!r}, expected names with their values", "mend it"
        )
    return Section(found, f"section '{name}' of {path}")


class Section(dict):
    """Settings by name; a name that is asked for and not there is a `BadSetting`."""

    def __init__(self, found: dict, where: str):
        super().__init__(found)
        self.where = where

    def __missing__(self, name: str):
        raise BadSetting(f"{self.where} lacks '{name}'", "add it")
