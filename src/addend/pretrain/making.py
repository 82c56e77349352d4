"""f_m as a modality's settings ask for it: its own, the standardiser of plain numbers, or learned from the train pool."""

import copy
import hashlib
import json
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from .. import places, shards, sobol
from ..backbones import BACKBONES
from ..devices import device
from ..errors import BadSetting, FewerFeatures
from ..modality import Modality
from ..program.tracing import export
from ..progress import progress
from ..rows import History
from ..schema import Columns
from ..settings import Pretrain
from ..shards import ObservationSet
from ..streams import Stream
from . import LEARNED
from .backbone import Backbone
from .learned import Inputs, frozen
from .learning import Plan, learn
from .objective import Objective
from .standardise import standardise
from .summaries import seeing
from .untrained import Untrained

FEATURES = 100_000
"""Rows of the train pool from which the features are made uncorrelated."""


@dataclass(frozen=True)
class Coordinates:
    """The standardised coordinates of theta: how many, and theta `(N, D)` -> phi `(N, K)` without a gradient."""

    size: int
    phi: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Made:
    """f_m, how its training went, how many of the first rows of the train pool taught it, and which sets beside them."""

    backbone: Backbone
    history: History = field(default_factory=History)
    taught: int = 0
    unlabelled: Mapping[str, str] = field(default_factory=dict)


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
    kind = LEARNED[asked.objective]
    phi, seen = (coordinates.phi if kind.labelled else None), unlabelled(modality, asked)
    learns = asked.objective != Untrained.name
    rows = taught(asked, pool.n) if learns else 0
    stream = Stream(pool, modality, phi, rows, tuple(seen.values()))
    torch.manual_seed(asked.seed)
    inputs = Inputs(modality.schema, first)
    network = _network(modality, asked)
    objective = kind.of(modality, network, coordinates.size, asked)
    _require_program(modality, objective, inputs, first)
    history = (
        _history(modality, asked, objective, inputs, stream, checkpoint) if learns else History()
    )
    backbone = frozen(modality.schema, inputs, objective, _features(objective, inputs, stream))
    if learns and backbone.z < asked.z:
        said = f"{backbone.z} of the {asked.z} features of '{modality.name}' are told apart; g_m sees those."
        warnings.warn(said, FewerFeatures, stacklevel=2)
    return Made(backbone, history, stream.rows, {name: s.digest for name, s in seen.items()})


def _history(
    modality: Modality,
    asked: Pretrain,
    objective: Objective,
    inputs: Inputs,
    stream: Stream,
    checkpoint: Path | None,
) -> History:
    """Train, and say how it went."""
    where, of = device(asked.device, "pretrain.device"), _stamp(asked, inputs, stream)
    plan = Plan(asked.seed, asked.steps, asked.batch, asked.rate, where, of)
    with (
        progress(f"pretrain {modality.name}", plan.steps) as update,
        seeing(objective, inputs, stream) as road,
    ):
        return learn(
            objective, *road, plan, checkpoint,
            lambda step, loss: update(step, f"loss {loss:.4f}"),
        )  # fmt: skip


def taught(asked: Pretrain, n: int) -> int:
    """How many rows of n teach f_m, whole blocks of a design: g_m is trained on the others."""
    rows = int(asked.share * n)
    return rows - rows % (2 * sobol.BLOCK) or rows


def unlabelled(modality: Modality, asked: Pretrain) -> dict[str, ObservationSet]:
    """The sets of observations that teach f_m beside the simulations, by name.

    Raises:
        BadSetting: The objective asks for theta, which nobody knows of them.
        NoObservations: There is no such set.
    """
    if asked.unlabelled and LEARNED[asked.objective].labelled:
        blind = ", ".join(name for name, kind in LEARNED.items() if not kind.labelled)
        said = (
            f"'{asked.objective}' learns from theta, which nobody knows of '{asked.unlabelled[0]}'"
        )
        raise BadSetting(said, f"choose among {blind}, or remove pretrain.unlabelled")
    found = {
        name: shards.open_set(places.observations(modality.name, name)) for name in asked.unlabelled
    }
    for each in found.values():
        modality.schema.check(each.read(0))
    return found


def _network(modality: Modality, asked: Pretrain) -> nn.Module:
    if (own := modality.architecture()) is not None:
        return own
    if asked.backbone is None:
        said = f"'{modality.name}' brings no network of its own"
        raise BadSetting(said, f"name one of {', '.join(BACKBONES)} as pretrain.backbone")
    return BACKBONES[asked.backbone](modality.schema, asked.width)


def _require_program(
    modality: Modality, objective: Objective, inputs: Inputs, columns: Columns
) -> None:
    """Raise what would be raised after the training: a network that is no program, or whose rows know of each other."""
    schema = modality.schema
    x, c = (torch.from_numpy(a[:64]) for a in (schema.x(columns), schema.c(columns)))
    untaught, units = copy.deepcopy((objective, inputs))
    with torch.no_grad():
        features = untaught.features(*units(x, c))
    backbone = frozen(schema, units, untaught, features)
    backbone.require_fit(x, c)
    with tempfile.TemporaryDirectory() as scratch:
        export(backbone.module.requires_grad_(False), Path(scratch) / "backbone", x[:8], c[:8])


def _stamp(asked: Pretrain, inputs: Inputs, stream: Stream) -> str:
    """What a training is of: its settings, its simulations and the units of its inputs."""
    units = [v.tolist() for v in inputs.state_dict().values()]
    others = [each.digest for each in stream.unlabelled]
    said = json.dumps([asdict(asked), stream.pool.digest, stream.rows, units, others])
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
