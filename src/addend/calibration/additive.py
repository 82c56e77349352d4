"""What is summed over shards and pseudo-experiments: values with a zero and a `+`.

A diagnostic stores counts and moments, never conclusions; p-values, bands and verdicts are computed from the sum. Two
halves of a pool, measured on two machines, therefore give the same conclusion as the whole pool measured on one.

A field of such a value is one of three: *summed* (float64, added), *listed* (float64, rows appended; whatever reads
them does not depend on their order) or a setting, which both sides of a `+` must share.

>>> @dataclass(frozen=True, eq=False)
... class Heads(Additive):
...     coin: str
...     n: np.ndarray = summed()
>>> sum([Heads("euro", 2), Heads("euro", 3)]).as_dict()
{'coin': 'euro', 'n': 5.0}
"""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np

from ..errors import NotFinite, NotMergeable


def summed() -> Any:
    """A field that `+` adds."""
    return field(metadata={"array": True, "merge": np.add})


def listed() -> Any:
    """A field `(n, ...)` whose rows `+` appends."""
    return field(metadata={"array": True, "merge": lambda a, b: np.concatenate([a, b])})


def setting() -> Any:
    """An array that both sides of a `+` must share."""
    return field(metadata={"array": True})


@dataclass(frozen=True, eq=False)
class Additive:
    """The base of every count. `sum()` works: the int 0 is the zero of each of them.

    Raises:
        NotFinite: A NaN or an infinity among the numbers.
        NotMergeable: From `+`, where kind or settings differ.
    """

    def __post_init__(self) -> None:
        for f in fields(self):
            if "array" in f.metadata:
                value = np.array(getattr(self, f.name), dtype=np.float64)
                if not np.isfinite(value).all():
                    raise NotFinite(
                        f"{type(self).__name__}.{f.name} would count a NaN or an infinity",
                        "find the observation and the theta at which psi is not finite",
                    )
                object.__setattr__(self, f.name, value)

    def __add__(self, other: Any) -> Self:
        if isinstance(other, int) and other == 0:
            return self
        self._require_same(other)
        merged = {f.name: f.metadata["merge"] for f in fields(self) if "merge" in f.metadata}
        return replace(
            self,
            **{
                name: merge(getattr(self, name), getattr(other, name))
                for name, merge in merged.items()
            },
        )

    __radd__ = __add__

    def _require_same(self, other: object) -> None:
        if type(other) is not type(self):
            raise NotMergeable(
                f"a {type(other).__name__} cannot be added to a {type(self).__name__}",
                "merge like with like",
            )
        for f in fields(self):
            if "merge" not in f.metadata and not np.array_equal(
                getattr(self, f.name), getattr(other, f.name)
            ):
                raise NotMergeable(
                    f"two {type(self).__name__} differ in '{f.name}'",
                    "measure both with the same settings before adding them",
                )

    def as_dict(self) -> dict[str, Any]:
        """The value as plain JSON."""
        return {f.name: plain(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> Self:
        """The value that `as_dict` described."""
        return cls(
            **{
                f.name: d[f.name] if "array" in f.metadata else _frozen(d[f.name])
                for f in fields(cls)
            }
        )


def plain(value: Any) -> Any:
    """Numbers, arrays, mappings and sequences as JSON; an infinity is None, JSON having none."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and np.isinf(value) else value


def rounded(value: Any, digits: int = 12) -> Any:
    """Plain JSON with every float to so many significant digits: a processor's own do not show."""
    if isinstance(value, dict):
        return {k: rounded(v, digits) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v, digits) for v in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
