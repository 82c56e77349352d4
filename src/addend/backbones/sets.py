"""A network of an unordered list: the mean over its elements of what a network makes of each.

Any function of a list that no order changes is rho(sum_i phi(x_i)) of some rho and phi (Zaheer et al., arXiv:1703.06114).
"""

import torch
from torch import Tensor, nn

from ..errors import UnfitBackbone
from ..schema import Schema
from .beside import numbers_beside


class DeepSet(nn.Module):
    """x `(N, X)`, c `(N, C)` -> features `(N, width)`: of the first field, n elements of d numbers, and of the numbers beside it.

    Arguments:
        n, d: Elements, and numbers of each.
        width: The number of features.
        beside: How many numbers there are beside that field.
    """

    def __init__(self, n: int, d: int, width: int, beside: int = 0):
        super().__init__()
        self.n, self.d, self.width = n, d, width
        self.each = nn.Sequential(
            nn.Linear(d, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )
        self.all = nn.Sequential(
            nn.Linear(width + beside, width), nn.SiLU(), nn.Linear(width, width)
        )

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """The features."""
        elements = x[:, : self.n * self.d].reshape(-1, self.n, self.d)
        return self.all(torch.cat([self.each(elements).mean(1), x[:, self.n * self.d :], c], dim=1))


def deep_set(schema: Schema, width: int) -> nn.Module:
    """Over the first observable: a list `(n,)` of numbers, or `(n, d)` of vectors."""
    field = schema.observables[0]
    if len(field.shape) not in (1, 2):
        raise UnfitBackbone(
            f"the first observable '{field.name}' has shape {field.shape}, expected a list of numbers or vectors",
            "choose another backbone",
        )
    n, d = (*field.shape, 1)[:2]
    return DeepSet(n, d, width, numbers_beside(schema))
