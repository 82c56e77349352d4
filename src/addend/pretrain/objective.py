"""What every objective of f_m is: a network that makes features of an observation, beside the loss that trains it.

    z = f_m(x),        f_m trained on (x, theta), or on x alone, and then frozen

g_m is a likelihood of z and never sees this loss (methods D4): whatever an objective throws away is lost to S, and what it
keeps is measured afterwards.
"""

from abc import ABC, abstractmethod
from typing import cast

import torch
from torch import Tensor, nn


class Objective(nn.Module, ABC):
    """A loss for f_m.

    Class attributes:
        name: Under which `pretrain.objective` asks for it.
        labelled: Whether it looks at theta.

    Arguments:
        network: x `(N, X)`, c `(N, C)` -> features `(N, network.width)`.
        coordinates: K, how many coordinates theta has.
        z: How many features are wanted.
    """

    name: str
    labelled: bool = True

    def __init__(self, network: nn.Module, coordinates: int, z: int):
        super().__init__()
        self.network = network
        self.last = nn.Linear(int(cast(int, network.width)), z)

    def features(self, x: Tensor, c: Tensor) -> Tensor:
        """The features `(N, z)` that g_m will see, before they are whitened."""
        features: Tensor = self.last(nn.functional.silu(self.network(x, c)))
        return features

    @abstractmethod
    def loss(self, x: Tensor, c: Tensor, phi: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of a batch: x `(B, X)`, c `(B, C)`, phi `(B, K)`; what it draws at random comes from `generator`."""


def perceptron(inputs: int, outputs: int, hidden: int = 64) -> nn.Module:
    """Two hidden layers of SiLU."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, outputs)
    )  # fmt: skip
