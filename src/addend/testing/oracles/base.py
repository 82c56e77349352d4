"""What an oracle's modality is: an encoder whose psi is exact, with its simulator."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ...modality import Columns
from ...parameters import Parameter, ParameterSpace
from ...scalar import Lazy


def parameter(
    name: str, low: float, high: float, constraint: tuple[float, float] | None = None
) -> Parameter:
    """A dimensionless parameter of an oracle."""
    return Parameter(name, "1", f"{name}, as in the oracle simulators", low, high, name, constraint)


class Oracle(ABC):
    """A modality with a known likelihood. Offers what `Lazy` asks of an encoder.

    Attributes:
        name: Its name in a sum.
        space: Its parameters.
    """

    name: str
    space: ParameterSpace

    @abstractmethod
    def draw(self, theta: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
        """n observations `(n,)` or `(n, X)` at one theta `(D,)`."""

    @abstractmethod
    def log_p(self, x: Tensor, theta: Tensor) -> Tensor:
        """Exact log p(x | theta) `(J, N)` in nats, of every theta `(J, D)` with every x `(N, X)`."""

    @abstractmethod
    def information(self, theta: ArrayLike) -> np.ndarray:
        """Fisher information `(D, D)` of one observation at theta `(D,)`."""

    def observe(self, theta: ArrayLike, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """n observations at theta `(D,)`, as columns."""
        return {"x": self.draw(np.asarray(theta, dtype=np.float64), n, rng)}

    def scalar(self, columns: Columns) -> Lazy:
        """The exact scalar function of a table of observations."""
        return Lazy(self, columns)

    def embed(self, columns: Columns) -> tuple[Tensor, Tensor]:
        """x `(N, X)` itself, and no covariates."""
        x = torch.as_tensor(columns["x"], dtype=torch.float64)
        return x if x.ndim == 2 else x[:, None], x.new_zeros(len(x), 0)

    def psi(self, z: Tensor, e: Tensor, theta: Tensor) -> Tensor:
        """psi = log p, `(J, N)` nats."""
        return self.log_p(z, theta)
