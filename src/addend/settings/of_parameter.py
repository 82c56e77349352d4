"""What a `parameters.yaml` may say of a parameter."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from .kinds import FINITE, Number, Text
from .reader import read
from .sections import Kind, Unfit, section


def _unit(found: object, where: str) -> str:
    if found == "" or isinstance(found, bool) or not (found == 1 or isinstance(found, str)):
        raise Unfit
    return str(found)


def _normal(found: object, where: str) -> tuple[float, float]:
    if isinstance(found, list) and len(found) == 2:
        mean, std = (FINITE.read(each, where) for each in found)
        if isinstance(mean, float) and isinstance(std, float) and std > 0:
            return mean, std
    raise Unfit


UNIT = Kind("a unit, '1' where it has none", _unit)
NORMAL = Kind("[mean, standard deviation] of a normal law, or nothing", _normal)


@dataclass(frozen=True)
class Declaration:
    """One parameter.

    Arguments:
        unit: Its unit, `1` where it has none.
        definition: What it means, in a sentence; part of the digest.
        low, high: The support of its uniform prior, in its unit.
        latex: How it is typeset, without dollar signs; its name by default.
        constraint: Mean and standard deviation of its Gaussian constraint term, in its unit; None for no term.
    """

    unit: Annotated[str, UNIT]
    definition: Text
    low: Number
    high: Number
    latex: Text = ""
    constraint: Annotated[tuple[float, float] | None, NORMAL] = None


def declarations(path: Path) -> dict[str, Declaration]:
    """Every parameter of a `parameters.yaml`, by name, in order; raises `BadSetting`."""
    return {
        name: section(Declaration, found, f"parameter '{name}' of {path}")
        for name, found in read(path).items()
    }
