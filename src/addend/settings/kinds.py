"""The kinds of values that settings have."""

import math
from collections.abc import Callable, Mapping
from typing import Annotated

from ..names import NAME
from .sections import Kind, Unfit, section

LARGEST = 2**63 - 1


def whole(least: int, most: int = LARGEST) -> Kind:
    """A whole number from `least` up, of at most 64 bits, or up to `most`."""
    until = "up" if most == LARGEST else f"to {most:,}"

    def read(found: object, where: str) -> int:
        if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= most:
            raise Unfit
        return found

    return Kind(f"a whole number from {least} {until}", read)


def number(expected: str, fits: Callable[[float], bool] = math.isfinite) -> Kind:
    """A finite number, or only those that `fits` allows, as float."""

    def read(found: object, where: str) -> float:
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise Unfit
        if not (math.isfinite(found) and fits(found)):
            raise Unfit
        return float(found)

    return Kind(expected, read)


def several(kind: Kind, expected: str) -> Kind:
    """A list of at least one, each of the kind."""

    def read(found: object, where: str) -> tuple[object, ...]:
        if not isinstance(found, list | tuple) or not found:
            raise Unfit
        return tuple(kind.read(each, where) for each in found)

    return Kind(expected, read)


def by_name(kind: Kind, expected: str) -> Kind:
    """Values of a kind under names of their own, at least one."""

    def read(found: object, where: str) -> dict[str, object]:
        if not isinstance(found, Mapping) or not found:
            raise Unfit
        return {name: kind.read(value, f"'{name}' in {where}") for name, value in found.items()}

    return Kind(expected, read)


def one_of(*names: str) -> Kind:
    """One of these words."""
    return text(" or ".join(names), names.__contains__)


def text(expected: str, fits: Callable[[str], object] = len) -> Kind:
    """Text, or only what `fits` allows."""

    def read(found: object, where: str) -> str:
        if not isinstance(found, str) or not fits(found):
            raise Unfit
        return found

    return Kind(expected, read)


def nested(cls: type) -> Kind:
    """A section within a section; a null leaves it as it is by default."""
    return Kind("", lambda found, where: cls() if found is None else section(cls, found, where))


def _flag(found: object, where: str) -> bool:
    if not isinstance(found, bool):
        raise Unfit
    return found


FINITE = number("a finite number")
NAMED = text(
    "at most 100 letters, digits, '.', '_' and '-', a letter or digit first, in quotes if a number",
    NAME.fullmatch,
)

Whole = Annotated[int, whole(0)]
Count = Annotated[int, whole(1)]
Counts = Annotated[tuple[int, ...], several(whole(1), "a list of whole numbers from 1 up")]
Rates = Annotated[
    tuple[float, ...],
    several(number("", lambda rate: rate > 0), "a list of numbers above zero"),
]
Number = Annotated[float, FINITE]
Limit = Annotated[float | None, number("a number from 0 up", lambda limit: limit >= 0)]
Text = Annotated[str, text("text")]
Name = Annotated[str, NAMED]
Flag = Annotated[bool, Kind("true or false", _flag)]
