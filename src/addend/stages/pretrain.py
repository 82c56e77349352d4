"""`pretrain`: f_m and the coordinates of theta, held to their laws, frozen and exported.

Of plain numbers f_m is a standardiser. Of anything richer it is learned, with the objective that the modality's params.yaml
names, on batches that are read shard by shard; a training that was killed goes on from its last checkpoint.
"""

import hashlib
import json
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import places, settings, shards, sobol
from ..backbones import BACKBONES
from ..encoder import coordinate_box
from ..errors import BadSetting, FewerFeatures
from ..heads.laws import require_smooth
from ..modality import Modality, find
from ..parameters import read_agreement
from ..pretrain import LEARNED, Backbone, Inputs, Objective, Plan, frozen, learn, standardise
from ..program.tracing import export
from ..progress import progress
from ..sealed import sealed_folder
from ..settings import Pretrain
from ..shards import ObservationSet
from ..streams import Stream
from ..training import History

FEATURES = 100_000
"""Rows of the train pool from which the features are made uncorrelated."""


def pretrain(name: str) -> None:
    """Make f_m, hold it and the coordinates to their laws, export both, and store what f_m states."""
    torch.set_num_threads(1)
    modality, asked = find(name), settings.modality(places.ROOT, name).pretrain
    pool = shards.open_set(places.pool(name, "train"))
    space = read_agreement(places.ROOT).subset(modality.parameters)
    coordinates = modality.coordinates().double()
    require_smooth(coordinates, where=f"the coordinates of '{name}'")
    box, first = coordinate_box(coordinates, space), pool.read(0)
    checkpoint = places.encoder(name, "pretraining.safetensors")
    backbone, history = made(modality, asked, pool, _phi(coordinates, box), checkpoint)
    x, c = (torch.from_numpy(a[:64]) for a in (modality.schema.x(first), modality.schema.c(first)))
    backbone.require_fit(x, c)
    layout = {**backbone.read_as(), "backbone": backbone.facts(), "box": box}
    layout["taught"] = taught(asked, pool.n) if history.kept else 0
    module = backbone.module.requires_grad_(False)
    with sealed_folder(places.encoder(name, "backbone")) as folder:
        export(module, folder / "backbone", x[:8], c[:8])
        theta = torch.from_numpy(space.draw(8, np.random.default_rng(0)))
        export(coordinates, folder / "coordinates", theta)
        (folder / "layout.json").write_text(json.dumps(layout, indent=1) + "\n")
        (folder / "history.json").write_text(json.dumps(asdict(history)) + "\n")
    checkpoint.unlink(missing_ok=True)


def made(
    modality: Modality,
    asked: Pretrain,
    pool: ObservationSet,
    phi: Callable[[Tensor], Tensor],
    checkpoint: Path | None = None,
) -> tuple[Backbone, History]:
    """The modality's own f_m, or what `pretrain.objective` makes of the pool."""
    if (own := modality.backbone()) is not None:
        return own, History()
    if asked.objective == "standardise":
        _require_plain(modality)
        return standardise(modality.schema, pool.columns), History()
    stream = Stream(pool, modality, phi, taught(asked, pool.n))
    return _learned(modality, asked, stream, checkpoint)


def taught(asked: Pretrain, n: int) -> int:
    """How many rows of n teach f_m, whole blocks of a design: g_m is trained on the others."""
    rows = int(asked.share * n)
    return rows - rows % (2 * sobol.BLOCK) or rows


def _learned(
    modality: Modality, asked: Pretrain, stream: Stream, checkpoint: Path | None
) -> tuple[Backbone, History]:
    torch.manual_seed(asked.seed)
    inputs = Inputs(modality.schema, stream.pool.read(0))
    objective = _objective(modality, asked, _coordinates(stream))
    where, of = device(asked.device), _stamp(asked, inputs, stream)
    plan = Plan(asked.seed, asked.steps, asked.batch, asked.rate, where, of)
    with progress(f"pretrain {modality.name}", plan.steps) as update:
        history = learn(
            objective, inputs, stream, plan, checkpoint,
            lambda step, loss: update(step, f"loss {loss:.4f}"),
        )  # fmt: skip
    backbone = frozen(modality.schema, inputs, objective, _features(objective, inputs, stream))
    if backbone.z < asked.z:
        said = f"{backbone.z} of the {asked.z} features of '{modality.name}' are told apart; g_m sees those."
        warnings.warn(said, FewerFeatures, stacklevel=2)
    return backbone, history


def _stamp(asked: Pretrain, inputs: Inputs, stream: Stream) -> str:
    """What a training is of: its settings, its simulations and the units of its inputs."""
    units = [v.tolist() for v in inputs.state_dict().values()]
    said = json.dumps([asdict(asked), stream.pool.digest, stream.rows, units])
    return hashlib.sha256(said.encode()).hexdigest()


def _objective(modality: Modality, asked: Pretrain, coordinates: int) -> Objective:
    network: Any = modality.architecture()
    if network is None:
        if asked.backbone is None:
            said = f"'{modality.name}' brings no network of its own"
            remedy = f"name one of {', '.join(BACKBONES)} as pretrain.backbone"
            raise BadSetting(said, remedy)
        network = BACKBONES[asked.backbone](modality.schema, asked.width)
    more: dict[str, Any] = {}
    if asked.objective == "autoencoder":
        more["elements"] = modality.schema.x_size
    if asked.objective == "vicreg":
        if type(modality).augment is Modality.augment:
            said = (
                f"'{modality.name}' states no symmetry of its observations, which vicreg compares"
            )
            raise BadSetting(said, "let it state one as `augment`, or choose another objective")
        more["views"] = modality.augment
    return LEARNED[asked.objective](network, coordinates, asked.z, **more)


def _features(objective: Objective, inputs: nn.Module, stream: Stream) -> Tensor:
    """The features of the last rows of the train pool, which f_m never saw."""
    found: list[Tensor] = []
    schema, rows = stream.modality.schema, 0
    wanted = min(FEATURES, stream.pool.n - stream.rows)
    for k in reversed(range(len(stream.pool.shards))):
        columns = stream.pool.read(k)
        x, c = (torch.from_numpy(a) for a in (schema.x(columns), schema.c(columns)))
        with torch.no_grad():
            parts = zip(x.split(1024), c.split(1024), strict=True)
            found = [objective.features(*inputs(*part)) for part in parts] + found
        rows += len(x)
        if rows >= wanted:
            break
    return torch.cat(found)[-wanted:]


def device(asked: str) -> str:
    """Where to train: `auto` is an accelerator if there is one. `BadSetting` where the one that was asked for is not."""
    there = torch.cuda.is_available()
    if asked == "cuda" and not there:
        raise BadSetting(
            "pretrain.device is cuda, and no such device is at hand", "write 'cpu' or 'auto'"
        )
    return "cuda" if there and asked != "cpu" else "cpu"


def _coordinates(stream: Stream) -> int:
    return int(stream.held()[2].shape[1])


def _phi(coordinates: nn.Module, box: dict[str, Any]) -> Callable[[Tensor], Tensor]:
    centre, half = (torch.tensor(box[k], dtype=torch.float64) for k in ("centre", "half"))

    def phi(theta: Tensor) -> Tensor:
        with torch.no_grad():
            standardised: Tensor = (coordinates(theta) - centre) / half
        return standardised

    return phi


def _require_plain(modality: Modality) -> None:
    if not modality.schema.scalar:
        raise BadSetting(
            f"an observation of '{modality.name}' is more than plain numbers, which 'standardise' cannot read",
            f"choose pretrain.objective among {', '.join(LEARNED)}",
        )
