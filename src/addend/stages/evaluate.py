"""`evaluate`: what the pinned encoders make of the observations, in which no theta enters.

The work on x, z = f_m(x), is done once for each (encoder, shard) ever; `fuse` does what depends on theta. A `correction`
that changes the terms is decided here, and part of S for whoever reads it. What need not be fitted to be refused is refused:
more observations than an encoder may be believed for at any theta. Covariates that its training never reached are said.
"""

import shutil
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from .. import embeddings, evaluated, places, settings, shards
from ..covariates import beyond
from ..encoder import Encoder
from ..errors import BeyondTraining
from ..fusion.answer import Correction
from ..fusion.terms import Facts
from ..fusion.trust import require_possible
from ..fusion.weights import godambe_factors
from ..heads import Ensemble
from ..registry import Registry
from ..sealed import read_json, require_sealed, sealed_folder
from ..settings import FusionSettings


def evaluate(fusion: str) -> None:
    """Embed every shard with the pinned encoder, and put beside it the encoder itself: all that `fuse` needs."""
    torch.set_num_threads(1)
    asked, registry = settings.fusion(places.ROOT, fusion), Registry(root=places.ROOT)
    pins = read_json(places.fusion(fusion, "pins.json"), f"resolve@{fusion}")
    require_sealed(places.fusion(fusion, "observations"), f"gather@{fusion}")
    with sealed_folder(places.fusion(fusion, "terms")) as folder:
        facts = {
            m: _facts(folder / m, registry, pins[m], term.set, fusion, m)
            for m, term in asked.modalities.items()
        }
        facts = _corrected(folder, facts, asked)
        _require_possible(folder, facts, asked)
        evaluated.write_facts(folder, facts)


def _require_possible(folder: Path, facts: dict[str, Facts], asked: FusionSettings) -> None:
    if any(f.dropped is None for f in facts.values()):
        local = asked.correction.local is not None
        require_possible(evaluated.terms_in(folder, facts), asked.beyond_trust, local)


def _facts(
    folder: Path, registry: Registry, pin: dict[str, Any], wanted: str, fusion: str, name: str
) -> Facts:
    gathered = places.fusion(fusion, "observations") / name
    if pin["dropped"]:
        return Facts(wanted, dropped=pin["dropped"])
    if not gathered.exists():
        return Facts(wanted, dropped=f"the set '{wanted}' has no observations")
    return _embed(folder, registry, pin, wanted, gathered)


def _embed(
    folder: Path, registry: Registry, pin: dict[str, Any], wanted: str, gathered: Path
) -> Facts:
    registered = registry.fetch(registry.known(pin["name"], pin["digest"]))
    shutil.copytree(registered, folder / "encoder")
    encoder, found = Encoder.load(folder / "encoder"), shards.open_set(gathered)
    parts = [_embed_shard(encoder, shard, columns) for shard, columns in found]
    made = {k: torch.cat([p[k] for p in parts]) for k in ("z", "e")}
    save_file(made, folder / "embedded.safetensors")
    members = len(encoder.head.members) if isinstance(encoder.head, Ensemble) else None
    where = f"the set '{wanted}' of '{encoder.name}'"
    said = _untrained(encoder, shards.read_set(gathered).columns, where)
    return Facts(
        set=wanted,
        n=found.n,
        mock=found.attrs["mock"],
        shards=tuple({"name": s.name, "digest": s.digest, "n": s.n} for s in found.shards),
        encoder={k: pin[k] for k in ("name", "digest")},
        title=encoder.manifest["title"],
        correction=Correction(members=members),
        warnings=said,
    )


def _untrained(encoder: Encoder, columns: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """What is said of covariates that its training never reached: here, and by the report."""
    known = encoder.manifest.get("covariate_ranges", {})
    said = beyond(known, encoder.schema, dict(columns), where)
    for sentence in said:
        warnings.warn(sentence, BeyondTraining, stacklevel=2)
    return tuple(said)


def _embed_shard(
    encoder: Encoder, shard: shards.Shard, columns: dict[str, Any]
) -> Mapping[str, torch.Tensor]:
    """z and e of a shard, kept for ever under the digests of what made them."""
    made = embeddings.Made(encoder.digest, shard.digest, shard.n)
    path = places.embedding(encoder.name, made.encoder, made.shard)
    if not path.exists():
        embeddings.write(path, made, *encoder.embed(columns))
    return embeddings.read(path, made)


def _corrected(folder: Path, facts: dict[str, Facts], asked: FusionSettings) -> dict[str, Facts]:
    """The facts with what the fusion's correction makes of each term; as they are without one."""
    if asked.correction.centring:
        records = evaluated.terms_in(folder, facts).records
        for m, record in records.items():
            facts = _changed(facts, m, centred=bool(record and record.centring))
    if asked.correction.weights:
        factors = godambe_factors(evaluated.terms_in(folder, facts), asked.seed)
        for m, weight in factors.items():
            facts = _changed(facts, m, weight=weight)
    return facts


def _changed(facts: dict[str, Facts], name: str, **change: Any) -> dict[str, Facts]:
    found = facts[name]
    correction = replace(found.correction, **change)
    return facts | {name: replace(found, correction=correction)}
