"""What one observation looks like: fields with a shape, a dtype and a unit; what is random given theta, and what is known.

An entry of a field is a number, a vector, a series or a map; `Columns` hold N of them, `(N, *shape)`. f_m sees the fields of
an observation one after another in one row (`Schema.x`, `Schema.c`), and finds each again by `Schema.slices`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import BadField, MaskedOut, MissingColumn, shown
from .field import Field

Columns = Mapping[str, np.ndarray]
ROWS, BYTES, BLOCK = 2**18, 2**26, 512
"""Of plain numbers drawn together; of maps and series; and of what a design's parts are multiples of."""


@dataclass(frozen=True)
class Schema:
    """The fields of an observation: what is random given theta, and what is known beforehand."""

    observables: tuple[Field, ...]
    covariates: tuple[Field, ...] = ()

    def __post_init__(self) -> None:
        shapes = {f.name: f.shape for f in self.covariates}
        for field in self.observables:
            if field.mask is not None and shapes.get(field.mask) != field.shape:
                raise BadField(
                    f"the mask '{field.mask}' of '{field.name}' is no covariate of shape {field.shape}",
                    f"add one to the covariates, found {', '.join(shapes) or 'none'}",
                )

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


def _rows(fields: tuple[Field, ...], columns: Columns) -> np.ndarray:
    n = len(next(iter(columns.values()))) if columns else 0
    if not fields:
        return np.zeros((n, 0))
    kind = np.float32 if all(f.dtype == "float32" for f in fields) else np.float64
    parts = [np.asarray(columns[f.name], dtype=kind).reshape(n, -1) for f in fields]
    return np.concatenate(parts, axis=1)
