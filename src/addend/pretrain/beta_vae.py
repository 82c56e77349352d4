r"""Features from which x can be had back, through a channel that costs.

    loss = U / beta + E |d(h~(x)) - x|^2 / 2,        h~ = h + s n,   U >= I(x; h~)

beta = 1 is minus the evidence's lower bound with unit noise (Kingma & Welling, arXiv:1312.6114); a larger beta buys more of x
for its nats, without end that of an autoencoder. The beta of Higgins et al. (ICLR 2017) is one over this one. Unlabelled: it
keeps what varies most, whether or not theta moves it (methods E2).
"""

import torch
from torch import Tensor, nn

from ..modality import Modality
from ..settings import Pretrain
from .objective import Channel, Objective, perceptron


class BetaVAE(Objective):
    """The decoder d makes the X elements of an observation from what passed."""

    name = "beta_vae"
    labelled = False

    def __init__(self, network: nn.Module, coordinates: int, z: int, elements: int, beta: float):
        super().__init__(network, coordinates, z)
        self.beta, self.channel = beta, Channel(z)
        self.decoder = perceptron(z, elements)

    @classmethod
    def of(
        cls, modality: Modality, network: nn.Module, coordinates: int, asked: Pretrain
    ) -> "BetaVAE":
        """With a decoder of the modality's observables."""
        return cls(network, coordinates, asked.z, modality.schema.x_size, asked.beta)

    def loss(self, x: Tensor, c: Tensor, phi: Tensor, generator: torch.Generator) -> Tensor:
        """In nats an observation, elements in units of their own spread."""
        passed, nats = self.channel(self.features(x, c), generator)
        off = ((self.decoder(passed) - x) ** 2).sum(1) / 2
        return (nats / self.beta + off).mean()
