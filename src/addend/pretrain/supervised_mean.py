r"""The mean of theta given x.

    loss = E |h(x) - phi|^2,        h(x) -> E[phi | x]

K numbers that are sufficient only where the posterior is Gaussian with a width that x does not change (methods E2: locally
good, lossy away from the scale of the prior). Jeffrey, Alsing & Lanusse, MNRAS 501 (2021) 954, arXiv:2009.08459.
"""

import torch
from torch import Tensor, nn

from .objective import Objective


class SupervisedMean(Objective):
    """z is wider than the K numbers of h, which a linear map makes of it."""

    name = "supervised_mean"

    def __init__(self, network: nn.Module, coordinates: int, z: int):
        super().__init__(network, coordinates, z)
        self.mean = nn.Linear(z, coordinates)

    def loss(self, x: Tensor, c: Tensor, phi: Tensor, generator: torch.Generator) -> Tensor:
        """The squared error, summed over coordinates."""
        return ((self.mean(self.features(x, c)) - phi) ** 2).sum(1).mean()
