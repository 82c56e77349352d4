"""What every objective of f_m is: a network that makes features of an observation, beside the loss that trains it.

    z = f_m(x),        f_m trained on (x, theta), or on x alone, and then frozen

g_m is a likelihood of z and never sees this loss (methods D4): whatever an objective throws away is lost to S, and what it
keeps is measured afterwards.
"""

from abc import ABC, abstractmethod
from typing import Self, cast

import torch
from torch import Tensor, nn
from zuko.nn import MLP

from ..modality import Modality
from ..settings import Pretrain


class Features(nn.Module):
    """A network and a linear map of what it makes: z numbers of an observation, before they are whitened.

    Arguments:
        network: x `(N, X)`, c `(N, C)` -> `(N, network.width)`.
        z: How many features are wanted.
    """

    def __init__(self, network: nn.Module, z: int):
        super().__init__()
        self.network = network
        self.last = nn.Linear(int(cast(int, network.width)), z)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """The features `(N, z)`."""
        features: Tensor = self.last(nn.functional.silu(self.network(x, c)))
        return features


class Objective(nn.Module, ABC):
    """A loss for f_m.

    Class attributes:
        name: Under which `pretrain.objective` asks for it.
        labelled: Whether it looks at theta; one that does not may learn from real observations too.

    Arguments:
        network: x `(N, X)`, c `(N, C)` -> features `(N, network.width)`.
        coordinates: K, how many coordinates theta has.
        z: How many features are wanted.
    """

    name: str
    labelled: bool = True

    def __init__(self, network: nn.Module, coordinates: int, z: int):
        super().__init__()
        self.features: nn.Module = Features(network, z)

    @classmethod
    def of(cls, modality: Modality, network: nn.Module, coordinates: int, asked: Pretrain) -> Self:
        """The objective of a modality's f_m, with whatever else it asks of the modality.

        Raises:
            BadSetting: The modality does not state what the objective needs.
        """
        return cls(network, coordinates, asked.z)

    @abstractmethod
    def loss(self, x: Tensor, c: Tensor, phi: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of a batch: x `(B, X)`, c `(B, C)`, phi `(B, K)`; what it draws at random comes from `generator`."""


def perceptron(inputs: int, outputs: int, hidden: int = 64) -> nn.Module:
    """Two hidden layers of SiLU."""
    return MLP(inputs, outputs, [hidden, hidden], nn.SiLU)


class Channel(nn.Module):
    r"""A Gaussian channel: features `(B, z)` are the means of what passes, which has a width for each.

        h~ = h + s(h) n,   n ~ N(0, 1),        U = E KL( N(h, s^2) | N(0, 1) ) >= I(x; h~)        [nats]

    Kingma & Welling, arXiv:1312.6114, appendix B.
    """

    def __init__(self, z: int):
        super().__init__()
        self.log_width = nn.Linear(z, z)

    def forward(self, h: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """What passed `(B, z)`, and U of each row `(B,)`."""
        log_s = self.log_width(h).clamp(
            -10, 3
        )  # wider than the prior's spread or narrower than a float32 tells apart
        noise = torch.randn(h.shape, generator=generator, device=generator.device).to(h)
        nats = 0.5 * (h**2 + torch.exp(2 * log_s) - 1 - 2 * log_s).sum(1)
        return h + torch.exp(log_s) * noise, nats
