"""Mock observations: a set of a modality drawn at a stated theta, with the covariates of another."""

from pathlib import Path

import numpy as np

from . import places, shards
from .errors import BadSetting
from .modality import find
from .parameters import ParameterSpace, read_agreement


def mock(
    folder: Path, name: str, like: shards.ObservationSet | int, truth: dict[str, float], seed: int
) -> shards.ObservationSet:
    """A mock set at a stated truth, with the covariates of another set, or so many with covariates from the modality's law."""
    modality = find(name)
    space = read_agreement(places.ROOT).subset(modality.parameters)
    theta = _point(space, truth)
    rng = np.random.default_rng([seed, *name.encode()])
    if isinstance(like, int):
        n, of, covariates = like, "drawn", modality.covariates(like, rng)
    else:
        n, of = like.n, f"mock of {like.attrs['set']}"
        covariates = {f.name: like.columns[f.name] for f in modality.schema.covariates}
    drawn = modality.simulate(np.tile(theta, (n, 1)), covariates, rng)
    stated = dict(zip(space.names, theta.tolist(), strict=True))
    facts = {
        "modality": name,
        "set": of,
        "mock": True,
        "truth": stated,
        "seed": seed,
    }
    return shards.write_set(folder, {**drawn, **covariates}, modality.schema, facts)


def _point(space: ParameterSpace, truth: dict[str, float]) -> np.ndarray:
    for name in space.names:
        if name not in truth:
            raise BadSetting(
                f"the truth lacks '{name}'", "state every parameter of every modality of the fusion"
            )
    theta = np.array([float(truth[name]) for name in space.names])
    space.require_inside(theta)
    return theta
