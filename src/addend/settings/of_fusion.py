"""What the root `params.yaml` may say, and those of `fusions/<folder>/`.

fusions:
  <fusion>:
    modalities: {<modality>: {set: <set>, optional: true}}      # or {drawn: 300}, mock observations of no set
    truth: {<parameter>: 70.0}
    seed: 1
    calibrate: {teach: 3000, audit: 500, seed: 1}
    correction: {centring: true, weights: godambe, local: 20}
    beyond_trust: allow
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from ..errors import BadSetting, nearest
from .kinds import FINITE, NAMED, Count, Flag, Whole, by_name, nested, one_of, whole
from .reader import read
from .sections import Kind, mapping, section, value_of

LOCAL, LEAST = 20, 5
"""Simulations an observation that the word `local` stands for, and the fewest with which local calibration gains."""


@dataclass(frozen=True)
class TermSettings:
    """One modality of a fusion.

    Arguments:
        set: The set of observations that is summed; None where mock ones are drawn without one.
        drawn: So many mock observations without a set, with covariates from the modality's law.
        optional: Whether it is dropped, said so, where it cannot be used; otherwise the fusion is refused.
    """

    set: Annotated[str | None, NAMED] = None
    drawn: Annotated[int | None, whole(1)] = None
    optional: Flag = False

    @classmethod
    def from_dict(cls, found: object, where: str) -> "TermSettings":
        """The term that a mapping states; raises `BadSetting` unless it has a set, or says how many are drawn."""
        made = section(cls, found, where)
        if made.set is None and made.drawn is None:
            said = "expected a name, or in its place 'drawn', how many mock observations to draw"
            raise BadSetting(f"{where} lacks 'set', {said}", "add it")
        if made.set is not None and made.drawn is not None:
            raise BadSetting(f"{where} has both 'set' and 'drawn', expected one", "remove one")
        return made

    @property
    def observed(self) -> str:
        """What an answer calls its observations."""
        return self.set or f"{self.drawn} drawn"


@dataclass(frozen=True)
class FusionCalibration:
    """Repetitions of a fusion in simulated universes.

    Arguments:
        teach: Repetitions that teach the critical values of Neyman's intervals.
        audit: Repetitions on which everything is counted.
        seed: Of both.
    """

    teach: Count = 3000
    audit: Count = 500
    seed: Whole = 1


@dataclass(frozen=True)
class CorrectionSettings:
    """What is done about what the encoders learned wrongly; each alone, or together.

    Arguments:
        local: Simulations an observation for local calibration, from `LEAST` up; None for no local calibration.
        centring: Whether the fitted bias of the score is taken off psi.
        weights: `godambe` to weigh the modalities by what their scores scatter; None for the plain sum.
    """

    local: Annotated[int | None, whole(LEAST)] = None
    centring: Flag = False
    weights: Annotated[str | None, one_of("godambe")] = None


TERMS = by_name(
    Kind("", TermSettings.from_dict),
    "every modality with its set, as in 'toy: {set: line}'",
)
POINT = by_name(FINITE, "a finite number for every parameter")
NESTED = nested(CorrectionSettings)
CORRECTION = Kind(
    NESTED.expected,
    lambda found, where: NESTED.read({"local": LOCAL} if found == "local" else found, where),
)
ALLOW = Kind("allow", lambda found, where: one_of("allow").read(found, where) == "allow")


@dataclass(frozen=True)
class FusionSettings:
    """A sum over modalities, and what is asked about it.

    Arguments:
        name: What it is called.
        modalities: Its terms, by modality, in the order of S.
        truth: The theta at which mock observations are drawn, each in its parameter's unit; None for real ones.
        seed: Of the mock observations and of the search for the maximum.
        calibrate: How often it is repeated.
        correction: What is done about the encoders' bias; the word `local` alone stands for `{local: 20}`.
        beyond_trust: Whether it may sum more observations than an encoder's trust size.
        stated: What the file says.
    """

    name: str
    modalities: Annotated[dict[str, TermSettings], TERMS]
    truth: Annotated[dict[str, float] | None, POINT] = None
    seed: Whole = 0
    calibrate: Annotated[FusionCalibration, nested(FusionCalibration)] = FusionCalibration()
    correction: Annotated[CorrectionSettings, CORRECTION] = CorrectionSettings()
    beyond_trust: Annotated[bool, ALLOW] = False
    stated: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_dict(cls, name: str, found: object, file: object = "params.yaml") -> "FusionSettings":
        """The fusion that a mapping states; raises `BadSetting`."""
        where = f"fusion '{name}' of {file}"
        made = section(cls, found, where, name=name, stated=found)
        for modality in made.modalities:
            value_of(NAMED, modality, f"the name of a modality of {where}")
        if made.truth is not None and "seed" not in made.stated:
            raise BadSetting(f"{where} has a truth and lacks 'seed'", "add the seed of its mock")
        for name, term in made.modalities.items():
            if term.drawn and made.truth is None:
                raise BadSetting(
                    f"{where} draws '{name}' and states no truth", "add the truth, or name a set"
                )
        return made

    def as_dict(self) -> dict[str, object]:
        """What the file says, for the provenance of an answer."""
        return deepcopy(dict(self.stated))


def fusions(root: Path) -> dict[str, FusionSettings]:
    """Every fusion of the root `params.yaml` and of those under `fusions/`; `BadSetting` for the first that is unusable."""
    found: dict[str, FusionSettings] = {}
    for path in (Path(root) / "params.yaml", *sorted(Path(root).glob("fusions/*/params.yaml"))):
        for name, each in _stated(path).items():
            if name in found:
                raise BadSetting(f"{path} states the fusion '{name}' again", "rename one of them")
            found[name] = FusionSettings.from_dict(name, each, path)
    return found


def _stated(path: Path) -> Mapping[str, object]:
    """The fusions that a file states, by name, not yet read."""
    stated = read(path)
    for name in stated:
        if name != "fusions":
            raise BadSetting(f"{path} has the section '{name}', expected fusions", "remove it")
    if "fusions" not in stated:
        raise BadSetting(f"{path} has no section 'fusions'", "add it")
    found = mapping(stated["fusions"], f"section 'fusions' of {path}")
    for name in found:
        value_of(NAMED, name, f"the name of a fusion of {path}")
    return found


def fusion(root: Path, name: str) -> FusionSettings:
    """The fusion of that name, the whole file judged; raises `BadSetting` if there is none."""
    found = fusions(root)
    if name not in found:
        raise BadSetting(
            f"there is no fusion '{name}', found {', '.join(found) or 'none'}",
            nearest(name, found, "state it in params.yaml"),
        )
    return found[name]
