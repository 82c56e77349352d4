r"""A discrete theta: which of n models, as one coordinate of phi among others.

psi(x; k, theta) for k = 0 ... n-1 comes from any head that sees the index as n indicators in place of one coordinate.
With S(k) the sum over observations, the answer is by enumeration (see `addend.maximum.enumerate_models`):

    k_hat = argmax_k S(k),         p(k | D) = softmax_k [ S(k) + log prior(k) ],

where other parameters are profiled out or marginalised first. An index has no gradient and no Fisher information: between
neighbours the indicators are blended by a C2 step, flat at every index, so that the head stays a smooth function of phi.
"""

from typing import Any

import torch
from torch import Tensor

from .base import Head
from .wrapped import Wrapped


def levels(n: int) -> Tensor:
    """Where the index 0 ... n-1 lies as a coordinate in [-1, 1]: `(n,)`, float64."""
    return torch.linspace(-1, 1, n, dtype=torch.float64)


def indicators(x: Tensor, n: int) -> Tensor:
    """Indicators `(*, n)` of the index whose coordinate is `x (*,)`; they add to one everywhere."""
    t = (1 - (x[..., None] - levels(n).to(x)).abs() * (n - 1) / 2).clamp(min=0)
    return t**3 * (10 - 15 * t + 6 * t**2)


class Categorical(Wrapped):
    """Another head whose theta has an index among its coordinates.

    Arguments:
        inner: That head, with K - 1 + n coordinates.
        column: Which of the K coordinates is the index.
        classes: The number n of models.
    """

    kind = "categorical"

    def __init__(self, inner: Head, column: int, classes: int):
        super().__init__(inner)
        self.column, self.classes, self.normalised = column, classes, self.inner.normalised

    def config(self) -> dict[str, Any]:
        """What `from_config` takes."""
        return {**super().config(), "column": self.column, "classes": self.classes}

    def forward(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """psi `(*,)` in nats; z `(*, Z)`, e `(*, E)`, phi `(*, K)`."""
        return self.inner(z, e, self._expand(phi))

    def outer(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """psi `(J, N)` of every theta with every observation."""
        return self.inner.outer(z, e, self._expand(phi))

    def loss(
        self, z: Tensor, e: Tensor, phi: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """The loss of the inner head."""
        return self.inner.loss(z, e, self._expand(phi), generator)

    def _expand(self, phi: Tensor) -> Tensor:
        """The other coordinates `(*, K - 1)`, then the indicators `(*, n)`."""
        others = torch.cat([phi[..., : self.column], phi[..., self.column + 1 :]], -1)
        return torch.cat([others, indicators(phi[..., self.column], self.classes)], -1)
