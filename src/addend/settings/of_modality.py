"""What a modality's `params.yaml` may say: a section a stage, a dataclass a section."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, TypeVar

from ..errors import BadSetting, nearest, shown
from ..names import plain
from .kinds import (
    FINITE,
    NAMED,
    Count,
    Counts,
    Rates,
    Whole,
    by_name,
    nested,
    number,
    one_of,
    several,
    whole,
)
from .of_record import EncoderCalibration, Thresholds
from .reader import read
from .sections import Kind, Unfit, section

T = TypeVar("T")
OBJECTIVES = (
    "standardise", "none", "supervised_mean", "supervised_likelihood", "supervised_ratio", "dvib",
    "autoencoder", "beta_vae", "masked", "vicreg", "infonce",
)  # fmt: skip
"""What `pretrain` can do."""
BACKBONES = ("mlp", "convolution1d", "convolution2d", "deep_set")
"""The networks there are for modalities that bring none."""
DEVICES = ("cpu", "cuda", "auto")
PHASES, RATIOS = {"flow": 3, "ratio": 1, "stated": 1}, ("binary", "info_nce", "nre_c", "balanced")
"""The heads that `finetune` trains with the number of phases of each, and the objectives of a ratio."""


def _range(found: object, where: str) -> tuple[float, ...]:
    ends = several(FINITE, "").read(found, where)
    if not isinstance(ends, tuple) or len(ends) != 2 or not ends[0] < ends[1]:
        raise Unfit
    return ends


BOX = by_name(Kind("", _range), "[low, high] by parameter, the lower first")


@dataclass(frozen=True)
class Simulate:
    """Three disjoint pools of simulations.

    Arguments:
        seed: Of all three.
        train: Simulations that f_m and g_m are trained on.
        calibrate: Simulations that tell the simulated support.
        audit: Simulations that tell the held-out log score.
        within: The range of a parameter in which theta is drawn, where that is not all of its support.
    """

    seed: Whole
    train: Count
    calibrate: Count
    audit: Count
    within: Annotated[dict[str, tuple[float, float]], BOX] = field(default_factory=dict)


@dataclass(frozen=True)
class Pretrain:
    """How f_m is made.

    Arguments:
        objective: One of `OBJECTIVES`; what follows is for those that learn.
        backbone: One of `BACKBONES`, for a modality that brings no network of its own.
        width: Features that such a network makes.
        z: Features that g_m sees.
        seed: Of the weights and of the order of rows.
        steps, batch, rate: Steps, rows of each, and the peak learning rate.
        share: Of the train pool; g_m is trained on the rest, since f_m knows its own rows by heart.
        device: Where: auto is an accelerator if there is one.
        beta: Of beta_vae and dvib: how many nats of x may pass for one of what is wanted.
        unlabelled: Sets of observations that f_m, and never g_m, learns from too, with an objective that needs no theta.
    """

    objective: Annotated[str, one_of(*OBJECTIVES)] = "standardise"
    backbone: Annotated[str | None, one_of(*BACKBONES)] = None
    width: Count = 64
    z: Count = 8
    seed: Whole = 1
    steps: Count = 3000
    batch: Count = 256
    rate: Annotated[float, number("a number above zero", lambda rate: rate > 0)] = 2e-3
    share: Annotated[float, number("a number between 0 and 1", lambda part: 0 < part < 1)] = 0.5
    device: Annotated[str, one_of(*DEVICES)] = "cpu"
    beta: Annotated[float, number("a number above zero", lambda beta: beta > 0)] = 16.0
    unlabelled: Annotated[tuple[str, ...], several(NAMED, "a list of sets")] = ()

    @property
    def idle(self) -> list[str]:
        """What is said and means nothing, since the standardiser learns nothing."""
        silent = Pretrain(self.objective)
        said = [f.name for f in fields(self) if getattr(self, f.name) != getattr(silent, f.name)]
        return said if self.objective in ("standardise", "none") else []


@dataclass(frozen=True)
class Distil:
    """An exponential family fitted to the head, which stands in for it where its measured error allows.

    Arguments:
        nodes: Chebyshev nodes a coordinate of theta.
        features: Numbers that it keeps of an observation.
        steps: Steps of the fit.
        rows: Simulations that it is fitted on, at most.
    """

    nodes: Annotated[int, whole(3)] = 17
    features: Count = 32
    steps: Count = 4000
    rows: Annotated[int, whole(1000)] = 50_000


@dataclass(frozen=True)
class Finetune:
    """How g_m is trained.

    Arguments:
        seed: Of the weights and of the order of rows; member k of an ensemble has seed + k.
        steps: Steps of each phase.
        batch: Rows of a step, in each phase.
        rate: Peak learning rate of each phase.
        hidden: Widths of the hidden layers of the location's network.
        shape: Widths of the hidden layers of the residuals' networks.
        components: Gaussians of each factor of the flow.
        head: What g_m is; one of `PHASES`. `stated` is the modality's own.
        objective: What a ratio learns by; one of `heads.ratio.OBJECTIVES`.
        members: Networks whose mean density is registered.
        device: Where: auto is an accelerator if there is one.
        distil: An exponential family beside the head; None for none.
    """

    seed: Whole
    steps: Counts
    batch: Counts
    rate: Rates
    hidden: Counts = (48, 48)
    shape: Counts = (24, 24)
    components: Count = 6
    head: Annotated[str, one_of(*PHASES)] = "flow"
    objective: Annotated[str, one_of(*RATIOS)] = "nre_c"
    members: Count = 1
    device: Annotated[str, one_of(*DEVICES)] = "cpu"
    distil: Annotated[Distil | None, nested(Distil)] = None


SECTIONS = {
    "simulate": Simulate,
    "pretrain": Pretrain,
    "finetune": Finetune,
    "calibrate": EncoderCalibration,
    "register": Thresholds,
}


@dataclass(frozen=True)
class ModalitySettings:
    """The sections of a modality's `params.yaml`. One that the file lacks is a `BadSetting` as it is asked for.

    Arguments:
        file: Where they stand.
        sections: Those that are there, by name.
    """

    file: Path
    sections: Mapping[str, object]

    @classmethod
    def from_dict(cls, found: Mapping[str, object], file: Path) -> "ModalitySettings":
        """The settings that a mapping states; raises `BadSetting`."""
        for name in found:
            if name not in SECTIONS:
                said = f"{file} has the section {shown(name)}, expected {', '.join(SECTIONS)}"
                raise BadSetting(said, nearest(name, SECTIONS, "remove it"))
        made: dict[str, object] = {
            n: section(SECTIONS[n], each, f"section '{n}' of {file}") for n, each in found.items()
        }
        if isinstance(asked := made.get("finetune"), Finetune):
            _require_phases(asked, file)
        if isinstance(learned := made.get("pretrain"), Pretrain) and learned.idle:
            said = f"'{learned.idle[0]}' of section 'pretrain' of {file} means nothing"
            what = f"{said} beside '{learned.objective}', which learns nothing"
            raise BadSetting(what, "remove it, or name an objective that learns")
        return cls(file, made)

    @property
    def simulate(self) -> Simulate:
        """The pools."""
        return self._get(Simulate, "simulate")

    @property
    def pretrain(self) -> Pretrain:
        """How f_m is made; by default standardised."""
        return self._get(Pretrain, "pretrain") if "pretrain" in self.sections else Pretrain()

    @property
    def finetune(self) -> Finetune:
        """How g_m is trained."""
        return self._get(Finetune, "finetune")

    @property
    def calibrate(self) -> EncoderCalibration:
        """How much of the encoder is measured."""
        return self._get(EncoderCalibration, "calibrate")

    @property
    def register(self) -> Thresholds:
        """What the record must pass."""
        return self._get(Thresholds, "register")

    def require_every_section(self) -> None:
        """Raise `BadSetting` for the first that a stage would ask for in vain."""
        _ = self.simulate, self.pretrain, self.finetune, self.calibrate, self.register

    def _get(self, cls: type[T], name: str) -> T:
        if not isinstance(found := self.sections.get(name), cls):
            raise BadSetting(f"{self.file} has no section '{name}'", "add it")
        return found


def modality(root: Path, name: str) -> ModalitySettings:
    """The settings of a modality, its whole `params.yaml` judged; raises `BadSetting`."""
    path = Path(root) / "modalities" / plain(name) / "params.yaml"
    return ModalitySettings.from_dict(read(path), path)


def _require_phases(found: Finetune, file: Path) -> None:
    phases = PHASES[found.head]
    for name in ("steps", "batch", "rate"):
        if len(stated := getattr(found, name)) != phases:
            said = f"'{name}' of section 'finetune' of {file} has {len(stated)} values"
            remedy = f"give one for each of the {phases} phases of {found.head}"
            raise BadSetting(f"{said}, expected {phases}", remedy)
