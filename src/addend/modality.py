"""The contract a modality's package fulfils, and its discovery by entry point.

A modality says what an observation looks like, how to draw one given theta and covariates, and how a user's table
becomes observations. The core does batching, storage, seeds, devices, training and progress.

`Columns` are a plain mapping from a field's name to an array with one observation a row (`schema`). Covariates are separate from
the simulator, so that pseudo-experiments can be drawn at the real catalogue's own redshifts and errors.
"""

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from .drawings import Drawing, Points
from .errors import ModalityClash, UnknownModality, nearest
from .field import Field
from .packages import offered
from .schema import Columns, Schema

if TYPE_CHECKING:
    from .pretrain import Backbone

__all__ = [
    "Columns",
    "Drawing",
    "Field",
    "Modality",
    "Points",
    "Published",
    "Schema",
    "find",
    "installed",
]

LIMIT = "ADDEND_MODALITIES"


@dataclass(frozen=True)
class Published:
    """A table that somebody else publishes.

    Arguments:
        url: Where it lies.
        sha256: Of its bytes, in hexadecimal digits.
        citation: Who published it, when and where, in a few words.
    """

    url: str
    sha256: str
    citation: str


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

    def published(self) -> dict[str, Published]:
        """Sets that others publish and the package does not hold, by name: `addend fetch` brings them."""
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

    def architecture(self) -> torch.nn.Module | None:
        """The modality's own network for f_m, which `pretrain` trains: x `(N, X)`, c `(N, C)` -> features `(N, width)`.

        x holds the observables one after another (`schema.slices`), in units of their spread; `width` is its attribute. None
        for one of `addend.backbones`. Row by row: no batch statistics, no dropout.
        """
        return None

    def augment(self, x: torch.Tensor, c: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Another view of each row of x `(N, X)` that no theta distinguishes from it, for objectives that compare views."""
        raise NotImplementedError(f"'{self.name}' states no symmetry of its observations")

    def head(self) -> torch.nn.Module | None:
        """The modality's own g_m, where `finetune.head` is `stated`.

        z `(N, Z)`, e `(N, E)`, coordinates as `coordinates` makes them `(N, K)` -> psi `(N,)` in nats.
        """
        return None

    def log_likelihood(self, columns: Columns, theta: np.ndarray) -> np.ndarray | None:
        """log p `(N,)` in nats, up to c(x), of N observations each at its own theta `(N, D)`, where it can be written down.

        No fusion uses it: what an f_m loses is measured by it. It must hold a little beyond the support too.
        """
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
