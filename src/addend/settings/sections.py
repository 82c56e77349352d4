"""From a mapping of a settings file to a dataclass, by the kinds of its fields.

    @dataclass(frozen=True)
    class Simulate:
        seed: Whole                                # Whole = Annotated[int, Kind("a whole number from 0 up", ...)]
        train: Count = 1000

A field without a default is needed. A field without a kind does not come from the file.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import TypeVar, get_type_hints

from ..errors import BadSetting, nearest, shown

T = TypeVar("T")


class Unfit(ValueError):
    """A value that is not of its kind."""


@dataclass(frozen=True)
class Kind:
    """What a field may hold.

    Arguments:
        expected: The words after "expected" where it holds something else.
        read: What the file says, and where it says so, to the value of the field; raises `Unfit`.
    """

    expected: str
    read: Callable[[object, str], object]


def section(cls: type[T], found: object, where: str, **given: object) -> T:
    """The dataclass that `found` states; `given` are its fields without a kind.

    Raises:
        BadSetting: `found` is no mapping, has a key that is no field, lacks one that is needed, or one is not of its kind.
    """
    kinds = _kinds(cls)
    stated = mapping(found, where, kinds)
    for key in stated:
        if key not in kinds:
            said = f"{where} has the key {shown(key)}, expected {', '.join(kinds)}"
            raise BadSetting(said, nearest(key, kinds, "remove it"))
    for key in _needed(cls):
        if key in kinds and key not in stated:
            raise BadSetting(f"{where} lacks '{key}', expected {kinds[key].expected}", "add it")
    read = {
        key: value_of(kinds[key], value, f"'{key}' of {where}") for key, value in stated.items()
    }
    return cls(**given, **read)


def mapping(found: object, where: str, names: Iterable[str] = ()) -> Mapping[str, object]:
    """`found`, if it is a mapping; else raises `BadSetting` that tells the names it may have."""
    if not isinstance(found, Mapping):
        expected = ", ".join(names) or "names with their values"
        raise BadSetting(f"{where} is {shown(found)}, expected {expected}", "mend it")
    return found


def value_of(kind: Kind, found: object, where: str) -> object:
    """The value that `found` states; raises `BadSetting` unless it is of that kind."""
    try:
        return kind.read(found, where)
    except Unfit:
        said = f"{where} is {shown(found)}, expected {kind.expected}"
        raise BadSetting(said, "mend it") from None


def _kinds(cls: type) -> dict[str, Kind]:
    hints = get_type_hints(cls, include_extras=True)
    return {
        name: kind
        for name, hint in hints.items()
        for kind in getattr(hint, "__metadata__", ())
        if isinstance(kind, Kind)
    }


def _needed(cls: type) -> list[str]:
    return [
        field.name
        for field in fields(cls)
        if field.default is MISSING and field.default_factory is MISSING
    ]
