"""A network of all elements of an observation at once, for vectors of tens of numbers."""

import torch
from torch import Tensor, nn
from zuko.nn import MLP

from ..schema import Schema


class Perceptron(nn.Module):
    """x `(N, X)`, c `(N, C)` -> features `(N, width)`: two hidden layers of SiLU, and a linear map beside them."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.width = width
        self.network = MLP(inputs, width, [width, width], nn.SiLU)
        self.beside = nn.Linear(inputs, width)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """The features."""
        both = torch.cat([x, c], dim=1)
        return self.network(both) + self.beside(both)


def mlp(schema: Schema, width: int) -> nn.Module:
    """The network of all fields together."""
    return Perceptron(schema.x_size + schema.c_size, width)
