r"""Features that say theta through a channel that costs: the information bottleneck, with theta as its target.

    loss = U / beta - E log N(phi; mu(h~), diag sigma(h~)^2),        h~ = h + s n,   U >= I(x; h~)

beta says how many nats of x a nat of theta may cost: without end it is the supervised likelihood's, and below one nothing is
worth its cost (Alemi, Fischer, Dillon & Murphy, arXiv:1612.00410; Tishby, Pereira & Bialek, physics/0004057).
"""

import torch
from torch import Tensor, nn

from ..modality import Modality
from ..settings import Pretrain
from .objective import Channel, Objective
from .supervised_likelihood import log_normal, moments


class DVIB(Objective):
    """mu and log sigma are made of what passed."""

    name = "dvib"

    def __init__(self, network: nn.Module, coordinates: int, z: int, beta: float):
        super().__init__(network, coordinates, z)
        self.beta, self.channel = beta, Channel(z)
        self.moments = moments(z, coordinates)

    @classmethod
    def of(
        cls, modality: Modality, network: nn.Module, coordinates: int, asked: Pretrain
    ) -> "DVIB":
        """With the beta that is asked for."""
        return cls(network, coordinates, asked.z, asked.beta)

    def loss(self, x: Tensor, c: Tensor, phi: Tensor, generator: torch.Generator) -> Tensor:
        """In nats an observation, less a constant."""
        passed, nats = self.channel(self.features(x, c), generator)
        return (nats / self.beta).mean() - log_normal(self.moments(passed), phi).mean()
