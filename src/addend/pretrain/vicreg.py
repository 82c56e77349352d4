r"""Features that views of one observation share, each of them varying and none repeating another.

    loss = 25 E |h(v) - h(v')|^2 + 25 sum_d max(0, 1 - sd(h_d)) + sum_{d != e} cov(h_d, h_e)^2 / z

for two views v, v' of x that theta does not distinguish: the modality's `augment`. Bardes, Ponce & LeCun, arXiv:2105.04906,
eq. 6 with its weights. It keeps what the views share, of which theta may be a small part (methods E2).
"""

import torch
from torch import Tensor

from .views import OfViews

INVARIANCE, VARIANCE, COVARIANCE = 25.0, 25.0, 1.0


class VICReg(OfViews):
    """Every feature of a batch varies, and no two vary together."""

    name = "vicreg"

    def loss(self, x: Tensor, c: Tensor, phi: Tensor, generator: torch.Generator) -> Tensor:
        """Invariance, variance and covariance, weighted."""
        one, other = self.pair(x, c, generator)
        spread = sum(_hinge(h) + COVARIANCE / VARIANCE * _tied(h) for h in (one, other))
        return INVARIANCE * ((one - other) ** 2).mean() + VARIANCE * spread / 2


def _hinge(h: Tensor) -> Tensor:
    return torch.relu(1 - torch.sqrt(h.var(0) + 1e-4)).mean()


def _tied(h: Tensor) -> Tensor:
    centred = h - h.mean(0)
    covariance = centred.T @ centred / (len(h) - 1)
    return ((covariance**2).sum() - (covariance.diagonal() ** 2).sum()) / h.shape[1]
