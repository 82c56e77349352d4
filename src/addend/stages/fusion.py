"""What a fusion adds up: `gather` its observations, `evaluate` what depends on them alone.

    S(theta) = sum_m sum_i psi_m(x_mi; theta) + constraints,        theta_hat = argmax S

The work on x, z = f_m(x), is done once for each (encoder, shard) ever; `fuse` does what depends on theta. A `correction`
that changes psi (`adjusted`) is decided by `evaluate`, and part of S for whoever reads it.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from .. import shards
from ..durable import fresh_folder, written_beside
from ..encoder import Encoder
from ..errors import BadSetting, NoObservations
from ..heads import Ensemble
from ..modality import find
from ..parameters import ParameterSpace, read_agreement
from ..registry import Registry, Version
from ..scalar import Lazy, Sum, constraints
from . import places
from .adjusted import Adjusted, adjusted, godambe_factors, has_centring
from .correction import chosen

TERMS = "terms.json"


def gather(fusion: str) -> None:
    """The sets that a fusion names; where it states a truth, mock ones drawn there at the sets' own covariates."""
    settings = places.fusion_settings(fusion)
    with fresh_folder(places.fusion(fusion, "observations")) as folder:
        for name, wanted in settings["modalities"].items():
            try:
                found = shards.read_set(places.observations(name, wanted["set"]))
            except NoObservations:
                if not wanted.get("optional"):
                    raise
                continue
            if "truth" in settings:
                mock(folder / name, name, found, settings["truth"], settings["seed"])
            else:
                _require_real(name, found)
                shutil.copytree(found.folder, folder / name)


def mock(
    folder: Path, name: str, like: shards.ObservationSet, truth: dict, seed: int
) -> shards.ObservationSet:
    """A mock set at a stated truth, with the covariates of another set."""
    modality = find(name)
    space = read_agreement(places.ROOT).subset(modality.parameters)
    theta = _point(space, truth)
    covariates = {f.name: like.columns[f.name] for f in modality.schema.covariates}
    rng = np.random.default_rng([seed, *name.encode()])
    drawn = modality.simulate(np.tile(theta, (like.n, 1)), covariates, rng)
    stated = dict(zip(space.names, theta.tolist(), strict=True))
    facts = {
        "modality": name,
        "set": f"mock of {like.attrs['set']}",
        "mock": True,
        "truth": stated,
        "seed": seed,
    }
    return shards.write_set(folder, {**drawn, **covariates}, modality.schema, facts)


def evaluate(fusion: str) -> None:
    """Embed every shard with the pinned encoder, and put beside it the encoder itself: all that `fuse` needs."""
    settings, registry = places.fusion_settings(fusion), Registry(root=places.ROOT)
    pins = json.loads(places.fusion(fusion, "pins.json").read_text())
    facts = {}
    with fresh_folder(places.fusion(fusion, "terms")) as folder:
        for name, pin in pins.items():
            gathered, wanted = (
                places.fusion(fusion, "observations") / name,
                settings["modalities"][name]["set"],
            )
            reason = pin["dropped"] or (
                None if gathered.exists() else f"the set '{wanted}' has no observations"
            )
            facts[name] = {"set": wanted, "n": 0, "shards": [], "encoder": None, "dropped": reason}
            if reason is None:
                facts[name] |= _embed(folder / name, registry, pin, gathered)
        _correct(folder, facts, fusion)
        (folder / TERMS).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")


@dataclass(frozen=True)
class Terms:
    """What `evaluate` left: S with its constraint terms, and what is known of each modality."""

    scalar: Sum
    encoders: dict[str, Encoder | Adjusted]
    facts: dict[str, dict]

    @property
    def used(self) -> list[str]:
        """The modalities that are terms of S."""
        return list(self.encoders)


def read_terms(fusion: str) -> Terms:
    """S of a fusion, in the order of its params.yaml; its support is the intersection of all.

    Raises:
        NoObservations: No modality is left.
    """
    folder = places.fusion(fusion, "terms")
    return _assemble(folder, json.loads((folder / TERMS).read_text()), fusion)


def _assemble(folder: Path, facts: dict[str, dict], fusion: str) -> Terms:
    encoders, terms = {}, []
    for name in places.fusion_settings(fusion)["modalities"]:
        if facts[name]["dropped"] is None:
            encoders[name] = adjusted(Encoder.load(folder / name / "encoder"), facts[name])
            made = load_file(folder / name / "embedded.safetensors")
            terms.append(Lazy.embedded(encoders[name], made["z"], made["e"], name))
    if not terms:
        raise NoObservations(
            f"every modality of fusion '{fusion}' is dropped",
            "register encoders, or ingest observations",
        )
    space = Sum(terms).space
    agreement = read_agreement(places.ROOT).subset(space.names)
    return Terms(Sum([*terms, *constraints(agreement)], agreement), encoders, facts)


def _correct(folder: Path, facts: dict[str, dict], fusion: str) -> None:
    """Write into the facts of each term what the fusion's correction makes of its psi; nothing without one."""
    settings = places.fusion_settings(fusion)
    asked = chosen(settings)
    if asked.centring:
        for name, encoder in _assemble(folder, facts, fusion).encoders.items():
            facts[name]["centred"] = has_centring(encoder)
    if asked.weights:
        torch.set_num_threads(1)
        terms = _assemble(folder, facts, fusion)
        n = {m: facts[m]["n"] for m in terms.used}
        for name, factor in godambe_factors(
            terms.scalar, terms.encoders, n, settings.get("seed", 0)
        ).items():
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


def _require_real(name: str, found: shards.ObservationSet) -> None:
    if found.attrs["mock"]:
        raise BadSetting(
            f"the set '{found.attrs['set']}' of '{name}' is mock data in a fusion that states no truth",
            "name a real set, or give the fusion a truth: real and mock are never mixed",
        )


def _point(space: ParameterSpace, truth: dict) -> np.ndarray:
    for name in space.names:
        if name not in truth:
            raise BadSetting(
                f"the truth lacks '{name}'", "state every parameter of every modality of the fusion"
            )
    theta = np.array([float(truth[name]) for name in space.names])
    space.require_inside(theta)
    return theta
