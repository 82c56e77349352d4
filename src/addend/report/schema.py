"""What `summary.json` and a calibration record hold: every key with its kind, unit and meaning, once.

`summary.csv` and `calibration.csv` beside this file are the schema. `validate` holds a summary against it, `docs/summary.md`
prints it, and a test keeps the two together. A path names nested keys: `<m>` stands for every modality, `<p>` for every
parameter, `[]` for every element of a list, a trailing `?` for a key that may be absent. A kind that ends in `or null` may
be null; numbers are finite, NaN is never written.

The version is `major.minor`. A new key raises minor; a key removed, renamed or given another meaning raises major. A reader
ignores keys it does not know.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from math import isfinite
from typing import Any

from ..errors import BadSummary


@dataclass(frozen=True)
class Key:
    """One key of the schema.

    Arguments:
        path: Where it is, without the trailing `?`.
        kind: One of `KINDS`, with ` or null` where null is allowed.
        unit: Its unit; `theta` for the unit of the parameter it belongs to, empty where none applies.
        meaning: What it is, in a sentence.
        optional: Whether it may be absent.
    """

    path: str
    kind: str
    unit: str
    meaning: str
    optional: bool = False


def read_keys(name: str) -> tuple[Key, ...]:
    """The keys that a table of this package states."""
    source: Any = resources.files(__package__).joinpath(name)
    with source.open(encoding="utf8", newline="") as f:
        rows = list(csv.DictReader(f))
    return tuple(
        Key(r["key"].rstrip("?"), r["kind"], r["unit"], r["meaning"], r["key"].endswith("?"))
        for r in rows
    )


CALIBRATION = read_keys("calibration.csv")

Test = Callable[[Any], bool]


def _number(v: Any) -> bool:
    return isinstance(v, (int, float)) and not isinstance(v, bool) and isfinite(v)


def _list_of(test: Test, n: int | None = None) -> Test:
    return lambda v: (
        isinstance(v, (list, tuple)) and (n is None or len(v) == n) and all(map(test, v))
    )


def _string(v: Any) -> bool:
    return isinstance(v, str)


def _flag(v: Any) -> bool:
    return isinstance(v, bool)


def _object(v: Any) -> bool:
    return isinstance(v, dict)


def _count(v: Any) -> bool:
    return isinstance(v, int) and not isinstance(v, bool) and v >= 0


KINDS: dict[str, tuple[Test, str]] = {
    "number": (_number, "a finite number"),
    "count": (_count, "a whole number, 0 or more"),
    "string": (_string, "a string"),
    "flag": (_flag, "true or false"),
    "version": (lambda v: _string(v) or _count(v), "a version"),
    "object": (_object, "an object"),
    "pair": (_list_of(_number, 2), "two finite numbers"),
    "flags": (_list_of(_flag, 2), "two flags"),
    "list of flags": (_list_of(_flag), "a list of flags"),
    "strings": (_list_of(_string), "a list of strings"),
    "objects": (_list_of(_object), "a list of objects"),
    "numbers": (_list_of(_number), "a list of finite numbers"),
    "matrix": (_list_of(_list_of(_number)), "a matrix of finite numbers"),
}


def validate_calibration(record: dict[str, Any], where: str = "record") -> dict[str, Any]:
    """The blocks of a calibration record, if they follow the schema; raises `BadSummary` as `validate` does."""
    require(record, CALIBRATION, where)
    return record


def table(keys: tuple[Key, ...]) -> str:
    """Keys as a table in Markdown."""
    rows = [f"| `{k.path}{'?' * k.optional}` | {k.kind} | {k.unit} | {k.meaning} |" for k in keys]
    return "\n".join(["| key | kind | unit | meaning |", "|---|---|---|---|", *rows])


def require(tree: dict[str, Any], keys: tuple[Key, ...], root: str) -> None:
    for key in keys:
        *parents, name = key.path.split(".")
        for where, parent in _places(tree, parents, root):
            if name in parent:
                _require_kind(key, parent[name], f"{where}.{name}")
            elif not key.optional:
                raise bad(f"{where}.{name} is missing, expected {_expected(key)}: {key.meaning}")


def _places(tree: Any, parents: list[str], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(tree, dict):
        return
    if not parents:
        yield where, tree
        return
    first, *rest = parents
    inside: Iterable[tuple[str, Any]]
    if first.startswith("<"):
        inside = tree.items()
    elif first.endswith("[]"):
        inside = [(f"{first[:-2]}[{i}]", item) for i, item in enumerate(tree.get(first[:-2]) or ())]
    else:
        inside = [(first, tree.get(first))]
    for name, child in inside:
        if first.startswith("<") and not isinstance(child, dict):
            raise bad(f"{where}.{name} is {child!r:.40}, expected an object")
        yield from _places(child, rest, f"{where}.{name}")


def _expected(key: Key) -> str:
    return KINDS[key.kind.removesuffix(" or null")][1] + (
        " or null" if key.kind.endswith(" or null") else ""
    )


def _require_kind(key: Key, value: Any, where: str) -> None:
    if value is None and key.kind.endswith(" or null"):
        return
    if not KINDS[key.kind.removesuffix(" or null")][0](value):
        raise bad(f"{where} is {value!r:.60}, expected {_expected(key)}")


def bad(what: str) -> BadSummary:
    return BadSummary(what, "supply it as docs/summary.md says, or run the fusion again")
