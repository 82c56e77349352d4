"""A field of an observation: its shape, dtype and unit, and which values fit it."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .errors import BadField, NegativeError, NotFinite

LARGEST = 1e100
"""No instrument gives a larger number in any unit, and what is much larger has no finite square."""
DTYPES = ("float64", "float32", "int64")
KINDS = ("real", "count", "category")
LATER = ("shape", "dtype", "mask", "kind", "categories")
"""What a field need not say: a manifest names it where it is not the default."""


@dataclass(frozen=True)
class Field:
    """One part of an observation.

    Arguments:
        name: Its name, in tables and in shards.
        unit: Its unit, `1` where it has none.
        meaning: What it is, in a few words.
        positive: Whether it is a positive quantity (errors, distances). Noise may still carry the observed value of one
            with a quoted error below zero; any other must be positive in every row.
        noise: For a covariate: whether it describes the noise alone (errors, correlations) and cannot move the signal.
        error: For an observable: the covariate that quotes its error, if one does. The flow measures its residuals in it.
        present: For an observable: the 0/1 covariate that says whether it was measured in this row, if it may be absent.
        shape: Of one entry: `()` a number, `(n,)` a vector or series, `(d, n)` a series in each of d, `(h, w)` a map.
        dtype: How it is stored, one of `DTYPES`.
        mask: For an observable: the covariate of its shape that says of each element whether it was seen, 1 or 0.
        kind: One of `KINDS`: any number, how many there are, or which one of `categories`.
        categories: Of a category, how many there are: its values are 0 ... categories - 1.
    """

    name: str
    unit: str
    meaning: str
    positive: bool = False
    noise: bool = False
    error: str | None = None
    present: str | None = None
    shape: tuple[int, ...] = ()
    dtype: str = "float64"
    mask: str | None = None
    kind: str = "real"
    categories: int | None = None

    def __post_init__(self) -> None:
        fits = (
            self.dtype in DTYPES and self.kind in KINDS and all(n > 0 for n in self.shape),
            (self.kind == "real") == (self.dtype != "int64"),
            (self.kind == "category") == (self.categories is not None),
        )
        if not all(fits):
            raise BadField(
                f"field '{self.name}' is a {self.kind} of {self.dtype} {self.shape} with {self.categories} categories",
                "a count or category is int64, a category says how many there are, and no side is empty",
            )

    @property
    def size(self) -> int:
        """Elements of one entry."""
        return math.prod(self.shape)

    def as_dict(self) -> dict[str, Any]:
        """The field as plain JSON, without what it need not say."""
        plain = {**asdict(self), "shape": list(self.shape)}
        default = {**asdict(Field("", "", "")), "shape": []}
        return {k: v for k, v in plain.items() if k not in LATER or v != default[k]}

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> "Field":
        """The field that `as_dict` described."""
        return cls(**{**d, "shape": tuple(d.get("shape", ()))})

    def check(self, values: np.ndarray, n: int) -> None:
        """Raise a named error unless `values` are n entries `(n, *shape)` of this field."""
        if values.dtype.kind not in "fiub":
            raise NotFinite(f"column '{self.name}' holds {values.dtype}", "give numbers")
        if values.shape != (n, *self.shape):
            found = values.shape[1:] if len(values) == n else values.shape
            raise BadField(
                f"column '{self.name}' has entries of shape {found}, expected {self.shape}",
                "cut, pad or resample it as the model card says",
            )
        self._check_finite(values)
        stored = values.astype(self.dtype)  # a float32 may be zero where what was given is not
        if self.positive and self.error is None and (stored <= 0).any():
            at = self._at(stored > 0)
            raise NegativeError(
                f"column '{self.name}' must be positive, found {values[at]:g} in {_place(at)}",
                f"correct the table, or let the field be of another dtype than {self.dtype}",
            )
        if self.kind != "real":
            self._check_whole(values)

    def _check_finite(self, values: np.ndarray) -> None:
        most = self._most(values.dtype)
        with np.errstate(invalid="ignore"):
            usable = (values <= most) & (values >= -most)  # of NaN and infinities neither
        if usable.all():
            return
        at = self._at(usable)
        found = float(values[at])
        said = f"{found:g}, beyond {most:g}," if np.isfinite(found) else "not a finite number"
        raise NotFinite(
            f"column '{self.name}' is {said} in {_place(at)}",
            "remove the row or supply the number",
        )

    def _most(self, given: np.dtype) -> float | int:
        """The largest number that is stored as what it is."""
        if self.dtype == "int64":
            return 2**53 if given.kind == "f" else 2**63 - 1
        if given.kind != "f":
            return LARGEST
        return min(LARGEST, *(float(np.finfo(kind).max) for kind in (self.dtype, given)))

    def _check_whole(self, values: np.ndarray) -> None:
        most = np.inf if self.categories is None else self.categories - 1
        whole = (values == np.floor(values)) & (values >= 0) & (values <= most)
        if not whole.all():
            at = self._at(whole)
            until = "up" if self.categories is None else f"to {most}"
            raise BadField(
                f"column '{self.name}' counts, found {values[at]:g} in {_place(at)}",
                f"give whole numbers from 0 {until}",
            )

    @staticmethod
    def _at(holds: np.ndarray) -> tuple[int, ...]:
        return tuple(int(i) for i in np.unravel_index(int(np.argmin(holds)), holds.shape))


def _place(at: tuple[int, ...]) -> str:
    row, *inside = at
    where = f" at {', '.join(map(str, inside))}" if inside else ""
    return f"row {row + 1}{where}"
