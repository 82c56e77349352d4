r"""A Gaussian density of theta given x, with the mean and the widths that x asks for.

    loss = -E log N(phi; mu(x), diag sigma(x)^2)

Its network has to know how well x determines theta, which the mean alone does not; f_m is the layer before the last (methods
E2).
Gaussian regression with learned variances: Nix & Weigend, Proc. IEEE ICNN (1994) 55.
"""

import torch
from torch import Tensor, nn

from .objective import Objective, perceptron


class SupervisedLikelihood(Objective):
    """mu and log sigma are made of z by a small network."""

    name = "supervised_likelihood"

    def __init__(self, network: nn.Module, coordinates: int, z: int):
        super().__init__(network, coordinates, z)
        self.moments = moments(z, coordinates)

    def loss(self, x: Tensor, c: Tensor, phi: Tensor, generator: torch.Generator) -> Tensor:
        """Minus the log density, in nats and less its constant."""
        return -log_normal(self.moments(self.features(x, c)), phi).mean()


def moments(z: int, coordinates: int) -> nn.Module:
    """A small network of z features to mu and log sigma of K coordinates, one after the other."""
    return perceptron(z, 2 * coordinates)


def log_normal(made: Tensor, phi: Tensor) -> Tensor:
    """log N(phi; mu, diag sigma^2) `(B,)` in nats, less its constant; `made` `(B, 2 K)` holds mu and log sigma."""
    mean, log_width = made.chunk(2, dim=1)
    return -(0.5 * ((phi - mean) * torch.exp(-log_width)) ** 2 + log_width).sum(1)
