"""Where everything lies under the project's root. A name that could lead elsewhere is refused."""

from pathlib import Path

from .names import plain

ROOT = Path()
SUMMARY, SAID = "summary.json", "answer.txt"
POOLS = ("train", "calibrate", "audit")


def observations(modality: str, name: str) -> Path:
    """A set of observations of a modality."""
    return ROOT / "data" / "observations" / plain(modality) / plain(name)


def sets(modality: str) -> list[Path]:
    """The sets of observations of a modality that are in shards."""
    listed = (ROOT / "data" / "observations" / plain(modality)).glob("*/set.json")
    return sorted(path.parent for path in listed)


def pool(modality: str, name: str) -> Path:
    """A pool of simulations of a modality: train, calibrate or audit."""
    return ROOT / "data" / "simulations" / plain(modality) / plain(name)


def encoder(modality: str, part: str) -> Path:
    """What a stage made of an encoder: `backbone`, `head` or `record`."""
    return ROOT / "data" / "encoders" / plain(modality) / part


def pin(modality: str, apart: bool = False) -> Path:
    """What `register` says of a modality's encoder; `apart` where fusions that do not name it should not wait for it."""
    return ROOT / "data" / ("apart" if apart else "pins") / f"{plain(modality)}.json"


def fusion(name: str, part: str) -> Path:
    """What a stage made of a fusion: `pins.json`, `terms`, `fit` or `calibration`."""
    return ROOT / "data" / "fusions" / plain(name) / part


def embedding(modality: str, encoder: str, shard: str) -> Path:
    """z and e of a shard, under the digests of the encoder and of the shard that made them."""
    name = f"{encoder}-{shard}.safetensors"
    return ROOT / "data" / "embeddings" / plain(modality) / name


def report(name: str) -> Path:
    """The report of a fusion."""
    return ROOT / "data" / "reports" / plain(name)
