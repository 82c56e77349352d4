"""The kinds of values that settings have."""

import math
from collections.abc import Callable, Mapping
from typing import Annotated, TypeVar

from ..places import NAME
from .sections import Kind, Unfit, section

T = TypeVar("T")
LARGEST = 2**63 - 1


def _only_if(ok: bool, value: T) -> T:
    if not ok:
        raise Unfit
    return value


def whole(least: int) -> Kind:
    """A whole number from `least` up, of at most 64 bits."""

    def read(found: object, where: str) -> object:
        fits = isinstance(found, int) and not isinstance(found, bool) and least <= found <= LARGEST
        return _only_if(fits, found)

    return Kind(f"a whole number from {least} up", read)


def number(expected: str, fits: Callable[[float], bool] = math.isfinite) -> Kind:
    """A finite number, or only those that `fits` allows, as float."""

    def read(found: object, where: str) -> float:
        _only_if(isinstance(found, int | float) and not isinstance(found, bool), found)
        return _only_if(math.isfinite(found) and fits(found), float(found))

    return Kind(expected, read)


def several(kind: Kind, expected: str) -> Kind:
    """A list of at least one, each of the kind."""

    def read(found: object, where: str) -> tuple:
        _only_if(isinstance(found, list | tuple) and len(found) > 0, found)
        return tuple(kind.read(each, where) for each in found)

    return Kind(expected, read)


def one_of(*names: str) -> Kind:
    """One of these words."""
    return Kind(" or ".join(names), lambda found, where: _only_if(found in names, found))


def nested(cls: type) -> Kind:
    """A section within a section; a null leaves it as it is by default."""
    return Kind("", lambda found, where: cls() if found is None else section(cls, found, where))


def by_name(kind: Kind, expected: str) -> Kind:
    """Values of a kind under names of their own, at least one."""

    def read(found: object, where: str) -> dict[str, object]:
        _only_if(isinstance(found, Mapping) and len(found) > 0, found)
        return {name: kind.read(value, f"'{name}' in {where}") for name, value in found.items()}

    return Kind(expected, read)


FLAG = Kind("true or false", lambda found, where: _only_if(isinstance(found, bool), found))
FINITE = number("a finite number")
TEXT = Kind("text", lambda found, where: _only_if(isinstance(found, str) and found != "", found))
NAMED = Kind(
    "a name of letters, digits, '.', '_' and '-', in quotes if it is a number",
    lambda found, where: _only_if(isinstance(found, str) and NAME.fullmatch(found), found),
)

Whole = Annotated[int, whole(0)]
Count = Annotated[int, whole(1)]
Counts = Annotated[tuple[int, ...], several(whole(1), "a list of whole numbers from 1 up")]
Rates = Annotated[
    tuple[float, ...],
    several(number("", lambda rate: rate > 0), "a list of numbers above zero"),
]
Number = Annotated[float, FINITE]
Text = Annotated[str, TEXT]
Flag = Annotated[bool, FLAG]
Name = Annotated[str, NAMED]
Limit = Annotated[float | None, number("a number from 0 up", lambda limit: limit >= 0)]
