r"""A log-likelihood ratio of exponential form, by comparison: its statistics are f_m.

    psi(x; theta) = <u(theta), h(x)> + a(theta),        loss = -E log [ e^{psi(x_i; theta_i)} / sum_j e^{psi(x_i; theta_j)} ]

The best psi is log p(x | theta) + c(x) (InfoNCE: van den Oord, Li & Vinyals, arXiv:1807.03748), and of this form h(x) is
sufficient (Fisher, Neyman). With as many features as psi needs, z = h(x) keeps what x says of theta. The theta_j are those of
the other rows of the batch, so that both classes have one law of theta (methods D15.3).
"""

import torch
from torch import Tensor, nn

from .objective import Objective, perceptron


class SupervisedRatio(Objective):
    """u and a are one network of theta."""

    name = "supervised_ratio"

    def __init__(self, network: nn.Module, coordinates: int, z: int):
        super().__init__(network, coordinates, z)
        self.natural = perceptron(coordinates, z + 1)

    def loss(self, x: Tensor, c: Tensor, phi: Tensor, generator: torch.Generator) -> Tensor:
        """The cross entropy of finding a row's own theta among those of the batch, in nats."""
        u = self.natural(phi)
        psi = self.features(x, c) @ u[:, :-1].T + u[:, -1]
        return nn.functional.cross_entropy(psi, torch.arange(len(x), device=x.device))
