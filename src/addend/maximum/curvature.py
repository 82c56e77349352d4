r"""What the curvature of S says at a maximum: covariance, and the directions in which the data are blind.

    covariance = H^{-1},       H = -grad^2 S at theta_hat        [Cramer-Rao, if S is the log likelihood]

Three things spoil the inverse. A coordinate held at a bound has no curvature to speak of, and is left out. A *flat*
direction, along which S would fall by less than 0.005 nats over the whole support, makes H singular: it spans the null
space, and every parameter with a share in it is not identified, its variance infinite. BAO distances alone, which
depend on H0 rd, are the standard example. And a direction may be curved but less than the support is wide: it is
*resolved* only if its standard deviation is below that of the uniform prior, 1 / sqrt(12) of the width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..parameters import ParameterSpace
from .cube import bounds

FLAT = 1e-2
SHARE = 1e-3
PRIOR = 12.0


@dataclass(frozen=True)
class Curvature:
    """The inverse of H where it has one.

    Arguments:
        covariance: `(D, D)`; zero in the rows of coordinates at a bound, infinite on the diagonal where not identified.
        null_space: `(K, D)` orthonormal directions in units of the support's widths.
        identified: `(D,)` whether a parameter has no share in the null space and is not at a bound.
        rank: The number of resolved directions.
    """

    covariance: Tensor
    null_space: Tensor
    identified: Tensor
    rank: int


def curvature(space: ParameterSpace, hessian: Tensor, pinned: Tensor) -> Curvature:
    """The curvature of S from its Hessian `(D, D)` with some coordinates `(D,)` held at a bound."""
    _, width = bounds(space)
    moves = (~pinned).nonzero()[:, 0]
    scale = width[moves]
    values, vectors = torch.linalg.eigh(-hessian[moves][:, moves] * scale[:, None] * scale)
    curved = values > max(FLAT, 1e-11 * float(values.abs().amax()) if len(values) else 0.0)
    inverse = (vectors[:, curved] / values[curved]) @ vectors[:, curved].T * scale[:, None] * scale
    null_space = torch.zeros(int((~curved).sum()), len(space), dtype=torch.float64)
    null_space[:, moves] = vectors[:, ~curved].T
    shared = null_space.abs().amax(dim=0) > SHARE if len(null_space) else torch.zeros_like(pinned)
    covariance = torch.zeros_like(hessian)
    covariance[moves[:, None], moves] = inverse
    covariance.diagonal()[shared] = torch.inf
    return Curvature(covariance, null_space, ~shared & ~pinned, int((values > PRIOR).sum()))
