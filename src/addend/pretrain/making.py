"""f_m as a modality's settings ask for it: its own, the standardiser of plain numbers, or learned from the train pool."""

import hashlib
import json
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from .. import sobol
from ..backbones import BACKBONES
from ..devices import device
from ..errors import BadSetting, FewerFeatures
from ..modality import Modality
from ..progress import progress
from ..schema import Columns
from ..settings import Pretrain
from ..shards import ObservationSet
from ..streams import Stream
from ..training import History
from . import LEARNED
from .backbone import Backbone
from .learned import Inputs, frozen
from .learning import Plan, learn
from .objective import Objective
from .standardise import standardise

FEATURES = 100_000
"""Rows of the train pool from which the features are made uncorrelated."""


@dataclass(frozen=True)
class Coordinates:
    """The standardised coordinates of theta: how many, and theta `(N, D)` -> phi `(N, K)` without a gradient."""

    size: int
    phi: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Made:
    """f_m, how its training went, and how many of the first rows of the train pool taught it."""

    backbone: Backbone
    history: History = field(default_factory=History)
    taught: int = 0


def make(
    modality: Modality,
    asked: Pretrain,
    pool: ObservationSet,
    first: Columns,
    coordinates: Coordinates,
    checkpoint: Path | None = None,
) -> Made:
    """The modality's own f_m, or what `pretrain.objective` makes of the pool.

    Arguments:
        first: The columns of the pool's first shard; the inputs' units are theirs.
        checkpoint: Where a training is kept that is killed.

    Raises:
        BadSetting: The settings fit no such observations.
    """
    if (own := modality.backbone()) is not None:
        return Made(own)
    if asked.objective == "standardise":
        _require_plain(modality)
        return Made(standardise(modality.schema, pool.columns))
    _require_real(modality)
    stream = Stream(pool, modality, coordinates.phi, taught(asked, pool.n))
    torch.manual_seed(asked.seed)
    inputs = Inputs(modality.schema, first)
    network = _network(modality, asked)
    objective = LEARNED[asked.objective].of(modality, network, coordinates.size, asked)
    where, of = device(asked.device, "pretrain.device"), _stamp(asked, inputs, stream)
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
    return Made(backbone, history, stream.rows)


def taught(asked: Pretrain, n: int) -> int:
    """How many rows of n teach f_m, whole blocks of a design: g_m is trained on the others."""
    rows = int(asked.share * n)
    return rows - rows % (2 * sobol.BLOCK) or rows


def _network(modality: Modality, asked: Pretrain) -> nn.Module:
    if (own := modality.architecture()) is not None:
        return own
    if asked.backbone is None:
        said = f"'{modality.name}' brings no network of its own"
        raise BadSetting(said, f"name one of {', '.join(BACKBONES)} as pretrain.backbone")
    return BACKBONES[asked.backbone](modality.schema, asked.width)


def _stamp(asked: Pretrain, inputs: Inputs, stream: Stream) -> str:
    """What a training is of: its settings, its simulations and the units of its inputs."""
    units = [v.tolist() for v in inputs.state_dict().values()]
    said = json.dumps([asdict(asked), stream.pool.digest, stream.rows, units])
    return hashlib.sha256(said.encode()).hexdigest()


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


def _require_real(modality: Modality) -> None:
    """A density of features of one whole number rises without end where these lie."""
    if modality.schema.scalar and all(f.kind != "real" for f in modality.schema.observables):
        raise BadSetting(
            f"'{modality.name}' observes whole numbers alone, of whose features there is no density",
            "choose 'standardise', which keeps them, so that g_m is a probability",
        )


def _require_plain(modality: Modality) -> None:
    if not modality.schema.scalar:
        raise BadSetting(
            f"an observation of '{modality.name}' is more than plain numbers, which 'standardise' cannot read",
            f"choose pretrain.objective among {', '.join(LEARNED)}",
        )
