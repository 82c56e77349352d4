"""`evaluate`: what the pinned encoders make of the observations, in which no theta enters.

The work on x, z = f_m(x), is done once for each (encoder, shard) ever; `fuse` does what depends on theta. A `correction`
that changes the terms is decided here, and part of S for whoever reads it. What need not be fitted to be refused is refused:
more observations than an encoder may be believed for at any theta. Covariates that its training never reached are said.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from .. import embeddings, evaluated, places, settings, shards
from ..calibration import Record
from ..covariates import warn_of_covariates
from ..encoder import Encoder
from ..fusion.answer import Correction
from ..fusion.terms import Facts, Terms, assemble
from ..fusion.trust import require_possible
from ..fusion.weights import godambe_factors
from ..heads import Ensemble
from ..modality import Columns, installed
from ..parameters import read_agreement
from ..registry import Registry
from ..sealed import read_json, require_sealed, sealed_folder
from ..settings import FusionSettings

EMPTY = torch.empty(0, 0)


@dataclass(frozen=True)
class Embedded:
    """What became of a modality that a fusion names.

    Arguments:
        facts: What is known of it.
        encoder: Its psi; None where it is dropped.
        z, e: What f_m makes of its observations.
    """

    facts: Facts
    encoder: Encoder | None = None
    z: torch.Tensor = EMPTY
    e: torch.Tensor = EMPTY


def evaluate(fusion: str) -> None:
    """Embed every shard with the pinned encoder, and put beside it the encoder itself: all that `fuse` needs."""
    torch.set_num_threads(1)
    asked, registry = settings.fusion(places.ROOT, fusion), Registry(root=places.ROOT)
    pins = read_json(places.fusion(fusion, "pins.json"), f"resolve@{fusion}")
    require_sealed(places.fusion(fusion, "observations"), f"gather@{fusion}")
    with sealed_folder(places.fusion(fusion, "terms")) as folder:
        made = {
            m: _made(folder / m, registry, pins[m], term.observed, fusion, m)
            for m, term in asked.modalities.items()
        }
        evaluated.write_facts(folder, _judged(made, asked))


def _made(
    folder: Path, registry: Registry, pin: dict[str, Any], wanted: str, fusion: str, name: str
) -> Embedded:
    gathered = places.fusion(fusion, "observations") / name
    if pin["dropped"]:
        return Embedded(Facts(wanted, dropped=pin["dropped"]))
    if not gathered.exists():
        return Embedded(Facts(wanted, dropped=_absent(name, wanted)))
    return _embed(folder, registry, pin, wanted, gathered)


def _absent(name: str, wanted: str) -> str:
    own = installed().get(name)
    fetched = own is not None and wanted in own.published()
    how = f"addend fetch {name} {wanted}" if fetched else "addend ingest"
    return f"the set '{wanted}' has no observations: `{how}` brings them"


def _embed(
    folder: Path, registry: Registry, pin: dict[str, Any], wanted: str, gathered: Path
) -> Embedded:
    registered = registry.fetch(registry.known(pin["name"], pin["digest"]))
    shutil.copytree(registered, folder / "encoder")
    encoder, found = Encoder.load(folder / "encoder"), shards.open_set(gathered)
    z, e, covariates = _embedded(encoder, found)
    save_file({"z": z, "e": e}, folder / "embedded.safetensors")
    members = len(encoder.head.members) if isinstance(encoder.head, Ensemble) else None
    where = f"the set '{wanted}' of '{encoder.name}'"
    facts = Facts(
        set=wanted,
        n=found.n,
        mock=found.attrs["mock"],
        shards=tuple({"name": s.name, "digest": s.digest, "n": s.n} for s in found.shards),
        encoder={k: pin[k] for k in ("name", "digest")},
        title=encoder.manifest["title"],
        correction=Correction(members=members),
        warnings=warn_of_covariates(encoder.manifest, covariates, where),
    )
    return Embedded(facts, encoder, z, e)


def _embedded(
    encoder: Encoder, found: shards.ObservationSet
) -> tuple[torch.Tensor, torch.Tensor, Columns]:
    """z `(N, Z)` and e `(N, E)` of all shards, and the covariates, of which each is read once."""
    made, read = [], []
    for shard, columns in found:
        made.append(_embed_shard(encoder, shard, columns))
        read.append({f.name: columns[f.name] for f in encoder.schema.covariates})
    z, e = (torch.cat([each[k] for each in made]) for k in ("z", "e"))
    return z, e, {name: np.concatenate([each[name] for each in read]) for name in read[0]}


def _embed_shard(
    encoder: Encoder, shard: shards.Shard, columns: dict[str, Any]
) -> Mapping[str, torch.Tensor]:
    """z and e of a shard, kept for ever under the digests of what made them."""
    made = embeddings.Made(encoder.digest, shard.digest, shard.n)
    path = places.embedding(encoder.name, made.encoder, made.shard)
    if not path.exists():
        embeddings.write(path, made, *encoder.embed(columns))
    return embeddings.read(path, made)


def _judged(made: Mapping[str, Embedded], asked: FusionSettings) -> dict[str, Facts]:
    """The facts, with what the fusion's correction makes of each term; refused where N is beyond any N*."""
    facts = {m: each.facts for m, each in made.items()}
    psi = {m: each.encoder for m, each in made.items() if each.encoder is not None}
    if not psi:
        return facts
    records = {m: Record.of(encoder) for m, encoder in psi.items()}
    embedded = {m: (made[m].z, made[m].e) for m in psi}
    agreement = read_agreement(places.ROOT)

    def terms() -> Terms:
        return assemble(psi, embedded, records, facts, agreement)

    if asked.correction.centring:
        for m, record in records.items():
            facts = _changed(facts, m, centred=bool(record and record.centring))
    if asked.correction.weights:
        for m, weight in godambe_factors(terms(), asked.seed).items():
            facts = _changed(facts, m, weight=weight)
    require_possible(terms(), asked.beyond_trust, asked.correction.local is not None)
    return facts


def _changed(facts: dict[str, Facts], name: str, **change: Any) -> dict[str, Facts]:
    found = facts[name]
    correction = replace(found.correction, **change)
    return facts | {name: replace(found, correction=correction)}
