"""`evaluate`: what the pinned encoders make of the observations, in which no theta enters.

The work on x, z = f_m(x), is done once for each (encoder, shard) ever; `fuse` does what depends on theta. A `correction`
that changes psi is decided here, and part of S for whoever reads it.
"""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from .. import places, settings, shards
from ..durable import fresh_folder, written_beside
from ..encoder import Encoder
from ..fusion.terms import TERMS, assemble
from ..fusion.weights import godambe_factors, has_centring
from ..heads import Ensemble
from ..registry import Registry, Version
from ..settings import FusionSettings


def evaluate(fusion: str) -> None:
    """Embed every shard with the pinned encoder, and put beside it the encoder itself: all that `fuse` needs."""
    asked, registry = settings.fusion(places.ROOT, fusion), Registry(root=places.ROOT)
    pins = json.loads(places.fusion(fusion, "pins.json").read_text())
    facts = {}
    with fresh_folder(places.fusion(fusion, "terms")) as folder:
        for name, pin in pins.items():
            gathered, wanted = (
                places.fusion(fusion, "observations") / name,
                asked.modalities[name].set,
            )
            reason = pin["dropped"] or (
                None if gathered.exists() else f"the set '{wanted}' has no observations"
            )
            facts[name] = {"set": wanted, "n": 0, "shards": [], "encoder": None, "dropped": reason}
            if reason is None:
                facts[name] |= _embed(folder / name, registry, pin, gathered)
        _correct(folder, facts, asked)
        (folder / TERMS).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")


def _correct(folder: Path, facts: dict[str, dict], asked: FusionSettings) -> None:
    """Write into the facts of each term what the fusion's correction makes of its psi; nothing without one."""
    if asked.correction.centring:
        for name, encoder in assemble(folder, facts, asked.name).encoders.items():
            facts[name]["centred"] = has_centring(encoder)
    if asked.correction.weights:
        torch.set_num_threads(1)
        terms = assemble(folder, facts, asked.name)
        n = {m: facts[m]["n"] for m in terms.used}
        for name, factor in godambe_factors(terms.scalar, terms.encoders, n, asked.seed).items():
            facts[name]["factor"] = factor


def _embed(folder: Path, registry: Registry, pin: dict, gathered: Path) -> dict:
    version = Version(pin["name"], pin["version"], pin["digest"], pin["run_id"])
    source = registry.fetch(version)
    shutil.copytree(source, folder / "encoder")
    encoder, found = Encoder.load(folder / "encoder"), shards.open_set(gathered)
    parts = [_embed_shard(encoder, shard, columns) for shard, columns in found]
    ensemble = {"members": len(encoder.head.members)} if isinstance(encoder.head, Ensemble) else {}
    save_file(
        {k: torch.cat([p[k] for p in parts]) for k in ("z", "e")}, folder / "embedded.safetensors"
    )
    return {
        "n": found.n, "mock": found.attrs["mock"],
        "shards": [{"name": s.name, "digest": s.digest, "n": s.n} for s in found.shards],
        "encoder": {k: pin[k] for k in ("name", "version", "digest")}, **ensemble,
    }  # fmt: skip


def _embed_shard(encoder: Encoder, shard: shards.Shard, columns: dict) -> dict[str, torch.Tensor]:
    """z and e of a shard, kept for ever under the digests of what made them."""
    path = (
        places.ROOT
        / "data"
        / "scalars"
        / encoder.name
        / f"{encoder.digest[:16]}-{shard.digest[:16]}.safetensors"
    )
    if not path.exists():
        z, e = encoder.embed(columns)
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(path) as temporary:
            save_file({"z": z.contiguous(), "e": e.contiguous()}, temporary)
    return load_file(path)
