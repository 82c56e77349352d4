"""A network of fixed summaries of an observation: band powers, moments, whatever is known to matter and has no weights.

Summaries are made once for each observation, before the training, which then costs what a small network costs. They are whitened:
what theta moves is often small beside what all of them share, and a network sees it late otherwise.
"""

from typing import cast

import torch
from torch import Tensor, nn
from zuko.nn import MLP

from ..numerics.linear import whitening

FLAT = 1e-10
"""Of the largest variance: what varies less among summaries is rounding."""


class Summarised(nn.Module):
    """x `(N, X)`, c `(N, C)` -> features `(N, width)`.

    Arguments:
        summary: x, c -> summaries `(N, summary.width)`, smooth, without weights.
        width: The number of features.
    """

    mean: Tensor
    whitener: Tensor

    def __init__(self, summary: nn.Module, width: int = 64):
        super().__init__()
        self.summary, self.width = summary, width
        size = int(cast(int, summary.width))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("whitener", torch.eye(size))
        self.network = MLP(size, width, [width, width], nn.SiLU)
        self.beside = nn.Linear(size, width)

    def whiten(self, summaries: Tensor) -> None:
        """Freeze the mean and the covariance of summaries `(N, S)`; a direction in which they do not vary is left as it is."""
        mean, w = whitening(summaries.double().numpy(), FLAT)
        whole = torch.zeros_like(self.whitener)
        whole[:, : w.shape[1]] = torch.from_numpy(w).to(whole)
        self.mean.copy_(torch.from_numpy(mean).to(self.mean))
        self.whitener.copy_(whole)

    def of(self, summaries: Tensor) -> Tensor:
        """The features of summaries `(N, S)`."""
        white = (summaries - self.mean) @ self.whitener
        return self.network(white) + self.beside(white)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """The features."""
        return self.of(self.summary(x, c))
