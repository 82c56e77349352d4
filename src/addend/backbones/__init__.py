"""Architectures of f_m for observations that no modality brings a network of its own for: small, smooth, row by row.

Each takes x `(N, X)`, in which the fields lie one after another, and c `(N, C)`, and gives features `(N, F)`; each states
`width`, the number F. None has a layer that couples rows or draws at random. `Summarised` is for a modality that knows which
summaries matter.
"""

from collections.abc import Callable

from torch import nn

from ..schema import Schema
from .convolution import convolution1d, convolution2d
from .mlp import mlp
from .sets import deep_set
from .summarised import Summarised

BACKBONES: dict[str, Callable[[Schema, int], nn.Module]] = {
    "mlp": mlp,
    "convolution1d": convolution1d,
    "convolution2d": convolution2d,
    "deep_set": deep_set,
}

__all__ = ["BACKBONES", "Summarised", "convolution1d", "convolution2d", "deep_set", "mlp"]
