r"""Features of what is left of x from which the hidden parts can be had back.

    loss = E |d(h(x seen)) - x|^2 over the hidden elements

Half of the patches of every series and map are hidden, anew in each step: set to their mean. A patch is an eighth of a series
and a quarter of the sides of a map; a number is a patch. Unlabelled: it keeps what parts of x say about each other, which is
their correlations, and not what each alone says of theta (methods E2). He et al., arXiv:2111.06377.
"""

import numpy as np
import torch
from torch import Tensor, nn

from ..field import Field
from ..modality import Modality
from ..schema import Schema
from ..settings import Pretrain
from .objective import Objective, perceptron

HIDDEN = 0.5
ALONG = {1: 8, 2: 4}
"""Patches along each side of a series and of a map."""


class Masked(Objective):
    """The decoder d makes the X elements of an observation.

    Arguments:
        patch: Of each element the number of its patch `(X,)`.
    """

    name = "masked"
    labelled = False
    patch: Tensor

    def __init__(self, network: nn.Module, coordinates: int, z: int, patch: Tensor):
        super().__init__(network, coordinates, z)
        self.decoder, self.patches = perceptron(z, len(patch)), int(patch.max()) + 1
        self.register_buffer("patch", patch)

    @classmethod
    def of(
        cls, modality: Modality, network: nn.Module, coordinates: int, asked: Pretrain
    ) -> "Masked":
        """With patches of the modality's observables."""
        return cls(network, coordinates, asked.z, patches(modality.schema))

    def loss(self, x: Tensor, c: Tensor, phi: Tensor, generator: torch.Generator) -> Tensor:
        """The mean squared error of a hidden element, in units of its own variance."""
        drawn = torch.rand(len(x), self.patches, generator=generator, device=generator.device)
        hidden = (drawn < HIDDEN).to(x)[:, self.patch]
        off = (self.decoder(self.features(x * (1 - hidden), c)) - x) ** 2
        return (off * hidden).sum() / hidden.sum().clamp(min=1)


def patches(schema: Schema) -> Tensor:
    """Of each element of x the number of its patch `(X,)`; detectors and channels are hidden together."""
    found, n = [], 0
    for field in schema.observables:
        own = _patches(field)
        found.append(own.reshape(-1) + n)
        n += int(own.max()) + 1
    return torch.from_numpy(np.concatenate(found))


def _patches(field: Field) -> np.ndarray:
    if not field.shape:
        return np.zeros(1, dtype=np.int64)
    sides = 1 if len(field.shape) == 1 or (len(field.shape) == 2 and field.shape[0] <= 4) else 2
    along = [np.arange(n) * min(n, ALONG[sides]) // n for n in field.shape[-sides:]]
    own = along[0] if sides == 1 else along[0][:, None] * ALONG[2] + along[1][None, :]
    return np.broadcast_to(own, field.shape).astype(np.int64)
