"""What one observation looks like: fields with a shape, a dtype and a unit; what is random given theta, and what is known.

An entry of a field is a number, a vector, a series or a map; `Columns` hold N of them, `(N, *shape)`. f_m sees the fields of
an observation one after another in one row (`Schema.x`, `Schema.c`), and finds each again by `Schema.slices`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .errors import BadField, MaskedOut, MissingColumn, NegativeError, NotFinite, shown

Columns = Mapping[str, np.ndarray]
LARGEST = 1e100
"""No instrument gives a larger number in any unit, and what is much larger has no finite square."""
ROWS, BYTES, BLOCK = 2**18, 2**26, 512
"""Of plain numbers drawn together; of maps and series; and of what a design's parts are multiples of."""
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
        return int(np.prod(self.shape, dtype=int))

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
        if self.positive and self.error is None and (values <= 0).any():
            at = self._at(values > 0)
            raise NegativeError(
                f"column '{self.name}' must be positive, found {values[at]:g} in {_place(at)}",
                "correct the table",
            )
        if self.kind != "real":
            self._check_whole(values)

    def _check_finite(self, values: np.ndarray) -> None:
        most = (
            min(LARGEST, float(np.finfo(values.dtype).max)) if values.dtype.kind == "f" else LARGEST
        )
        if (usable := np.abs(values) < most).all():  # of NaN and infinities neither
            return
        at = self._at(usable)
        large = abs(float(values[at]))
        said = f"{large:g}, beyond {LARGEST:g}," if np.isfinite(large) else "not a finite number"
        raise NotFinite(
            f"column '{self.name}' is {said} in {_place(at)}",
            "remove the row or supply the number",
        )

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


@dataclass(frozen=True)
class Schema:
    """The fields of an observation: what is random given theta, and what is known beforehand."""

    observables: tuple[Field, ...]
    covariates: tuple[Field, ...] = ()

    @property
    def fields(self) -> tuple[Field, ...]:
        """Observables, then covariates."""
        return self.observables + self.covariates

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all fields, observables first."""
        return tuple(f.name for f in self.fields)

    @property
    def x_size(self) -> int:
        """Elements X of all observables together."""
        return sum(f.size for f in self.observables)

    @property
    def c_size(self) -> int:
        """Elements C of all covariates together."""
        return sum(f.size for f in self.covariates)

    @property
    def scalar(self) -> bool:
        """Whether every field is a plain number."""
        return all(f.shape == () for f in self.fields)

    @property
    def rows_at_once(self) -> int:
        """How many observations are drawn and looked at together: whole blocks of a design, of about `BYTES`."""
        if self.scalar:
            return ROWS
        row = sum(f.size * np.dtype(f.dtype).itemsize for f in self.fields)
        return max(BLOCK, BYTES // row // BLOCK * BLOCK)

    def slices(self) -> dict[str, tuple[slice, tuple[int, ...]]]:
        """Where each field lies in a row of `x` or of `c`, and its shape."""
        found = {}
        for fields in (self.observables, self.covariates):
            at = 0
            for f in fields:
                found[f.name] = (slice(at, at + f.size), f.shape)
                at += f.size
        return found

    def x(self, columns: Columns) -> np.ndarray:
        """The observables `(N, X)`, one after another; float32 if each of them is, else float64."""
        return _rows(self.observables, columns)

    def c(self, columns: Columns) -> np.ndarray:
        """The covariates `(N, C)`, one after another; float32 if each of them is, else float64."""
        return _rows(self.covariates, columns)

    def check(self, columns: Columns) -> None:
        """Raise unless `columns` are observations of this schema, naming the row and the place in it.

        Raises:
            MissingColumn, NotFinite, NegativeError: A column is not there, or not of usable numbers.
            BadField: Entries have another shape, or are no whole numbers where these are due.
            MaskedOut: A mask is neither 0 nor 1, or hides all of an entry.
        """
        n = len(columns[self.names[0]]) if self.names[0] in columns else 0
        for field in self.fields:
            if field.name not in columns:
                raise MissingColumn(
                    f"column '{field.name}' [{field.unit}] is missing, found {', '.join(columns) or 'none'}",
                    "add it; the model card lists every column with its unit",
                )
            field.check(np.asarray(columns[field.name]), n)
        for field in self.observables:
            if field.mask is not None:
                _check_mask(field, np.asarray(columns[field.mask]).reshape(n, -1))

    def as_dict(self) -> dict[str, Any]:
        """The schema as plain JSON."""
        return {k: [f.as_dict() for f in getattr(self, k)] for k in ("observables", "covariates")}

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> "Schema":
        """The schema that `as_dict` described."""
        return cls(*(tuple(map(Field.from_dict, d[k])) for k in ("observables", "covariates")))


def _check_mask(field: Field, seen: np.ndarray) -> None:
    if not ((seen == 0) | (seen == 1)).all():
        strange = shown(float(seen[(seen != 0) & (seen != 1)][0]))
        raise MaskedOut(
            f"the mask '{field.mask}' holds {strange}", "write 1 where it was seen, else 0"
        )
    if (hidden := ~seen.any(axis=1)).any():
        raise MaskedOut(
            f"the mask '{field.mask}' hides all of '{field.name}' in row {int(np.argmax(hidden)) + 1}",
            "remove the row: it says nothing",
        )


def _place(at: tuple[int, ...]) -> str:
    row, *inside = at
    where = f" at {', '.join(map(str, inside))}" if inside else ""
    return f"row {row + 1}{where}"


def _rows(fields: tuple[Field, ...], columns: Columns) -> np.ndarray:
    n = len(next(iter(columns.values()))) if columns else 0
    if not fields:
        return np.zeros((n, 0))
    kind = np.float32 if all(f.dtype == "float32" for f in fields) else np.float64
    parts = [np.asarray(columns[f.name], dtype=kind).reshape(n, -1) for f in fields]
    return np.concatenate(parts, axis=1)
