r"""Features that views of one observation share, each of them varying and none repeating another.

    loss = 25 E |h(v) - h(v')|^2 + 25 sum_d max(0, 1 - sd(h_d)) + sum_{d != e} cov(h_d, h_e)^2 / z

for two views v, v' of x that theta does not distinguish: the modality's `augment`. Bardes, Ponce & LeCun, arXiv:2105.04906,
eq. 6 with its weights. It keeps what the views share, of which theta may be a small part (methods E2).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..errors import BadSetting
from ..modality import Modality
from .objective import Objective

Views = Callable[[Tensor, Tensor, torch.Generator], Tensor]
INVARIANCE, VARIANCE, COVARIANCE = 25.0, 25.0, 1.0


class VICReg(Objective):
    """Without labels.

    Arguments:
        views: x `(B, X)`, c `(B, C)` and a generator to another view of each row.
    """

    name = "vicreg"

    def __init__(self, network: nn.Module, coordinates: int, z: int, views: Views):
        super().__init__(network, coordinates, z)
        self.views = views

    @classmethod
    def of(cls, modality: Modality, network: nn.Module, coordinates: int, z: int) -> "VICReg":
        """With the modality's `augment`; `BadSetting` where it states none."""
        if type(modality).augment is Modality.augment:
            said = (
                f"'{modality.name}' states no symmetry of its observations, which vicreg compares"
            )
            raise BadSetting(said, "let it state one as `augment`, or choose another objective")
        return cls(network, coordinates, z, modality.augment)

    def loss(self, x: Tensor, c: Tensor, phi: Tensor, generator: torch.Generator) -> Tensor:
        """Invariance, variance and covariance, weighted."""
        one, other = (self.features(self.views(x, c, generator), c) for _ in range(2))
        spread = sum(_hinge(h) + COVARIANCE / VARIANCE * _tied(h) for h in (one, other))
        return INVARIANCE * ((one - other) ** 2).mean() + VARIANCE * spread / 2


def _hinge(h: Tensor) -> Tensor:
    return torch.relu(1 - torch.sqrt(h.var(0) + 1e-4)).mean()


def _tied(h: Tensor) -> Tensor:
    centred = h - h.mean(0)
    covariance = centred.T @ centred / (len(h) - 1)
    return ((covariance**2).sum() - (covariance.diagonal() ** 2).sum()) / h.shape[1]
