"""The contract a modality's package fulfils, and its discovery by entry point.

A modality says what an observation looks like, how to draw one given theta and covariates, and how a user's table
becomes observations. The core does batching, storage, seeds, devices, training and progress.

`Columns` are a plain mapping from a field's name to an array with one observation a row. Covariates are separate from
the simulator, so that pseudo-experiments can be drawn at the real catalogue's own redshifts and errors.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .drawings import Drawing, Points
from .errors import MissingColumn, ModalityClash, NegativeError, NotFinite, UnknownModality, nearest
from .packages import offered

if TYPE_CHECKING:
    from .pretrain import Backbone

__all__ = ["Columns", "Drawing", "Field", "Modality", "Points", "Schema", "find", "installed"]

Columns = Mapping[str, np.ndarray]
LIMIT = "ADDEND_MODALITIES"
LARGEST = 1e100
"""No instrument gives a larger number in any unit, and what is much larger has no finite square."""


@dataclass(frozen=True)
class Field:
    """One column of an observation.

    Arguments:
        name: Its name, in tables and in shards.
        unit: Its unit, `1` where it has none.
        meaning: What it is, in a few words.
        positive: Whether it is a positive quantity (errors, distances). Noise may still carry the observed value of one
            with a quoted error below zero; any other must be positive in every row.
        noise: For a covariate: whether it describes the noise alone (errors, correlations) and cannot move the signal.
        error: For an observable: the covariate that quotes its error, if one does. The flow measures its residuals in it.
        present: For an observable: the 0/1 covariate that says whether it was measured in this row, if it may be absent.
    """

    name: str
    unit: str
    meaning: str
    positive: bool = False
    noise: bool = False
    error: str | None = None
    present: str | None = None


@dataclass(frozen=True)
class Schema:
    """The columns of an observation: what is random given theta, and what is known beforehand."""

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

    def x(self, columns: Columns) -> np.ndarray:
        """The observables as one array `(N, X)`, float64."""
        return _stack(self.observables, columns)

    def c(self, columns: Columns) -> np.ndarray:
        """The covariates as one array `(N, C)`, float64."""
        return _stack(self.covariates, columns)

    def check(self, columns: Columns) -> None:
        """Raise `MissingColumn`, `NotFinite` or `NegativeError` unless `columns` are observations of this schema."""
        for field in self.fields:
            if field.name not in columns:
                raise MissingColumn(
                    f"column '{field.name}' [{field.unit}] is missing, found {', '.join(columns) or 'none'}",
                    "add it; the model card lists every column with its unit",
                )
            values = np.asarray(columns[field.name], dtype=np.float64)
            if not (usable := np.abs(values) < LARGEST).all():  # of NaN and infinities neither
                row = int(np.argmin(usable.reshape(len(values), -1).all(axis=1)))
                large = float(np.abs(values[row]).max())
                said = (
                    f"{large:g}, beyond {LARGEST:g},"
                    if np.isfinite(large)
                    else "not a finite number"
                )
                raise NotFinite(
                    f"column '{field.name}' is {said} in row {row + 1}",
                    "remove the row or supply the number",
                )
            if field.positive and field.error is None and (values <= 0).any():
                row = int(np.argmax((values <= 0).reshape(len(values), -1).any(axis=1)))
                raise NegativeError(
                    f"column '{field.name}' must be positive, found {values[row].min():g} in row {row + 1}",
                    "correct the table",
                )

    def as_dict(self) -> dict[str, Any]:
        """The schema as plain JSON."""
        return {
            "observables": [asdict(f) for f in self.observables],
            "covariates": [asdict(f) for f in self.covariates],
        }

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> "Schema":
        """The schema that `as_dict` described."""
        return cls(
            tuple(Field(**f) for f in d["observables"]), tuple(Field(**f) for f in d["covariates"])
        )


class Modality(ABC):
    """One kind of data: one package, one owner.

    Class attributes:
        name: The name of the modality, of its folder under `modalities/` and of its registered encoder.
        title: What it is, in a few words.
        parameters: Names of the parameters its observations depend on, as in the agreement.
        schema: What one observation looks like.
    """

    name: str
    title: str
    parameters: tuple[str, ...]
    schema: Schema

    @abstractmethod
    def covariates(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """A broad law of covariates for training: n rows of every covariate."""

    @abstractmethod
    def simulate(
        self, theta: np.ndarray, covariates: Columns, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """One observation a row: the observables given theta `(N, D)` (columns as in `parameters`) and N rows of covariates."""

    @abstractmethod
    def read(self, table: Columns) -> dict[str, np.ndarray]:
        """Observations from the columns of a user's table, every field of the schema; raises a named error."""

    @property
    def table(self) -> Schema:
        """The columns of the tables that `read` takes, with their units; by default those of an observation."""
        return self.schema

    def sets(self) -> dict[str, dict[str, np.ndarray]]:
        """The observation sets that ship with the package, by name, as the tables `read` takes."""
        return {}

    def origins(self) -> dict[str, str]:
        """Who published each set that ships, when and where, in a few words; of others nothing is said."""
        return {}

    def coordinates(self) -> torch.nn.Module:
        """Smooth functions theta `(*, D)` -> `(*, K)` through which alone the law of x depends on theta.

        The default is theta itself. Where dimensional analysis says that only a product enters, say so here: a
        direction in which the data are blind is then exactly flat in S. Must be C2.
        """
        return torch.nn.Identity()

    def backbone(self) -> "Backbone | None":
        """f_m, where the modality brings its own; None for what `pretrain.objective` makes."""
        return None

    def figure(self, columns: Columns, theta: np.ndarray) -> Drawing | None:
        """Observations beside what each theta `(J, D)` predicts of them, or None where there is nothing to draw.

        The first theta is the fit, the others are draws from the posterior.
        """
        return None


def installed() -> dict[str, Modality]:
    """Every modality offered by an installed package, by name; limited to those named in `ADDEND_MODALITIES` if set.

    Raises:
        ModalityClash: Two packages offer one name.
    """
    wanted = os.environ.get(LIMIT)
    found: dict[str, Modality] = {}
    for point in offered():
        if wanted is not None and point.name not in wanted.split(","):
            continue
        if point.name in found:
            raise ModalityClash(
                f"two installed packages offer the modality '{point.name}'",
                "uninstall or rename one of them",
            )
        found[point.name] = point.load()()
    return found


def find(name: str) -> Modality:
    """The installed modality of that name.

    Raises:
        UnknownModality: There is none.
    """
    here = installed()
    if name not in here:
        raise UnknownModality(
            f"no installed package offers the modality '{name}', found {', '.join(sorted(here)) or 'none'}",
            nearest(name, here, f"install it, as in 'pip install -e modalities/{name}'"),
        )
    return here[name]


def _stack(fields: tuple[Field, ...], columns: Columns) -> np.ndarray:
    n = len(next(iter(columns.values()))) if columns else 0
    return (
        np.stack([np.asarray(columns[f.name], dtype=np.float64) for f in fields], axis=1)
        if fields
        else np.zeros((n, 0))
    )
