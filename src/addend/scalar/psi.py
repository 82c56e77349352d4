"""psi: what can be an addend. An encoder has this shape, and so has an exact likelihood or an oracle.

    psi(x; theta) = log p(x | theta) + c(x)        [nats]

Work on x alone (`embed`) is apart from work on theta, so that it is done once for each observation.
"""

from typing import Protocol

from torch import Tensor

from ..modality import Columns
from ..parameters import ParameterSpace


class Psi(Protocol):
    """A scalar function of theta for each observation."""

    @property
    def name(self) -> str:
        """What its term is called in a sum: the modality's name."""

    @property
    def space(self) -> ParameterSpace:
        """The parameters it depends on, bounded by where it may be believed."""

    def embed(self, columns: Columns) -> tuple[Tensor, Tensor]:
        """Columns of N observations to what depends on them alone: z `(N, Z)` and covariates e `(N, E)`."""

    def psi(self, z: Tensor, e: Tensor, theta: Tensor) -> Tensor:
        """`(J, N)` nats of every theta `(J, D)` with every observation, differentiable in theta."""

    def aligned(self, z: Tensor, e: Tensor, theta: Tensor) -> Tensor:
        """`(*,)` nats of observations z `(*, Z)`, e `(*, E)` at theta `(*, D)`, broadcast over `*`; differentiable in theta."""
