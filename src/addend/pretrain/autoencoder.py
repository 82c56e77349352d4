r"""Features from which x can be had back.

    loss = E |d(h(x)) - x|^2 / X

It keeps what varies most, whether or not theta moves it (methods E2): where theta shows in small variations, or in variances,
they are lost first. Unlabelled, so that real observations may teach it. Hinton & Salakhutdinov, Science 313 (2006) 504.
"""

import torch
from torch import Tensor, nn

from ..modality import Modality
from ..settings import Pretrain
from .objective import Objective, perceptron


class Autoencoder(Objective):
    """The decoder d makes the X elements of an observation."""

    name = "autoencoder"
    labelled = False

    def __init__(self, network: nn.Module, coordinates: int, z: int, elements: int):
        super().__init__(network, coordinates, z)
        self.decoder = perceptron(z, elements)

    @classmethod
    def of(
        cls, modality: Modality, network: nn.Module, coordinates: int, asked: Pretrain
    ) -> "Autoencoder":
        """With a decoder of the modality's observables."""
        return cls(network, coordinates, asked.z, modality.schema.x_size)

    def loss(self, x: Tensor, c: Tensor, phi: Tensor, generator: torch.Generator) -> Tensor:
        """The mean squared error of an element, in units of its own variance."""
        return ((self.decoder(self.features(x, c)) - x) ** 2).mean()
