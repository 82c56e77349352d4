"""Convolutions of fixed receptive field over series and maps, averaged over position.

A random field carries theta in its variances, and a ReLU or SiLU of a linear filter sees these late: squares after the first
layer keep more of the information at the same cost (docs/decisions/learned-f.md). So the first layer is a bank of filters whose
responses are squared, compressed by log(1 + .), and then combined by layers of SiLU.
"""

import math

import torch
from torch import Tensor, nn

from ..errors import UnfitBackbone
from ..schema import Schema
from .beside import numbers_beside

CHANNELS, KERNEL, STRIDE = 16, 5, 2


class Convolution(nn.Module):
    """x `(N, X)`, c `(N, C)` -> features `(N, width)`: of the first field, seen as channels over one or two dimensions, and of
    the numbers beside it.

    Arguments:
        shape: Of an entry, `(n,)` or `(d, n)` for a series, `(h, w)` or `(d, h, w)` for a map.
        dimensions: 1 for series, 2 for maps.
        width: The number of features.
        beside: How many numbers there are beside that field.
    """

    def __init__(self, shape: tuple[int, ...], dimensions: int, width: int, beside: int = 0):
        super().__init__()
        self.width, self.size = width, math.prod(shape)
        channels = shape[0] if len(shape) > dimensions else 1
        self.shape = (channels, *shape[-dimensions:])
        convolution = nn.Conv1d if dimensions == 1 else nn.Conv2d
        self.axes = list(range(2, 2 + dimensions))
        self.first = convolution(channels, CHANNELS, KERNEL, padding=KERNEL // 2)
        self.second = convolution(CHANNELS, 2 * CHANNELS, KERNEL, STRIDE, KERNEL // 2)
        self.third = convolution(2 * CHANNELS, 2 * CHANNELS, KERNEL, STRIDE, KERNEL // 2)
        self.last = nn.Sequential(
            nn.Linear(3 * CHANNELS + beside, width), nn.SiLU(), nn.Linear(width, width)
        )

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """The features."""
        seen = x[:, : self.size].reshape(-1, *self.shape)
        power = self.first(seen) ** 2
        early = torch.log1p(power.mean(self.axes))
        deeper = nn.functional.silu(self.second(torch.log1p(power)))
        late = nn.functional.silu(self.third(deeper)).mean(self.axes)
        return self.last(torch.cat([early, late, x[:, self.size :], c], dim=1))


def convolution1d(schema: Schema, width: int) -> nn.Module:
    """Over the first observable, a series in one or several channels."""
    return Convolution(_shape(schema, (1, 2)), 1, width, numbers_beside(schema))


def convolution2d(schema: Schema, width: int) -> nn.Module:
    """Over the first observable, a map in one or several channels."""
    return Convolution(_shape(schema, (2, 3)), 2, width, numbers_beside(schema))


def _shape(schema: Schema, ranks: tuple[int, int]) -> tuple[int, ...]:
    field = schema.observables[0]
    if len(field.shape) not in ranks:
        raise UnfitBackbone(
            f"the first observable '{field.name}' has shape {field.shape}, expected {ranks[0]} or {ranks[1]} sides",
            "choose another backbone, or put the series or map first",
        )
    return field.shape
