"""Factors of a flow for whole numbers: probabilities that add up to one, where a density would be off by nats.

How many there are. The count k lies on the scale t(x) = 2 sqrt(x), on which a Poisson law has unit variance (Anscombe, Biometrika
35 (1948) 246), between the edges of its cell:

    P(k) = F(t(k + 1)) - F(t(k)),        P(0) = F(t(1)),        F a mixture of normal laws

which sums to one over k = 0, 1, 2 ... for every F (a discretised mixture: Salimans et al., arXiv:1701.05517).

Which one of K. P(k) is the softmax of K numbers.
"""

import torch
from torch import Tensor
from torch.special import log_ndtr

BELOW = -1e3
"""A deviate below which a normal law has no mass that float64 can hold."""


def middle(k: Tensor) -> Tensor:
    """Where a count `(*,)` lies on the scale of unit variance."""
    return 2 * torch.sqrt(k.clamp(min=0) + 0.5)


def edges(k: Tensor) -> tuple[Tensor, Tensor]:
    """The edges of a count's cell on that scale `(*,)`; the lower one of zero is `BELOW`."""
    low = torch.where(k >= 0.5, 2 * torch.sqrt(k.clamp(min=0.5)), torch.full_like(k, BELOW))
    return low, 2 * torch.sqrt(k.clamp(min=0) + 1)


def log_mass(low: Tensor, high: Tensor) -> Tensor:
    """log [Phi(high) - Phi(low)] `(*,)` of deviates low < high, in either tail to the last digits."""
    turned = low + high > 0
    a, b = torch.where(turned, -high, low), torch.where(turned, -low, high)
    upper = log_ndtr(b)
    return upper + torch.log(-torch.expm1(log_ndtr(a) - upper))


def log_class(logits: Tensor, k: Tensor) -> Tensor:
    """log P(k) `(*,)` of classes k `(*,)` given logits `(*, K)`."""
    shape = torch.broadcast_shapes(logits.shape[:-1], k.shape)
    index = k.round().long().clamp(0, logits.shape[-1] - 1).expand(shape)
    return logits.log_softmax(-1).expand(*shape, -1).gather(-1, index[..., None])[..., 0]
