"""Polynomials: the smooth functions that corrections, regressions and critical values are made of.

    sum_p a_p prod_d u_d^{p_d},        sum_d p_d <= degree

Monomials of total degree at most d in a few variables: few, (V + d over d), linear in their coefficients, with exact
gradients. On a box the coordinates are scaled to [-1, 1]. A critical value or a score bias varies over the prior, not
within an interval; degree 1 or 2 suffices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Array = TypeVar("Array", np.ndarray, Tensor)


def exponents(most: Sequence[int], degree: int, falling: bool = False) -> list[tuple[int, ...]]:
    """The exponents of all monomials of total degree at most `degree`, the constant first, then degree by degree.

    Arguments:
        most: The highest power of each variable `(V,)`.
        falling: Within a degree, high powers of the first variable come first, not last. Coefficients that were kept hold
            to one of the two orders.
    """
    every = [p for p in product(*(range(m + 1) for m in most)) if sum(p) <= degree]
    return sorted(every[:: -1 if falling else 1], key=sum)


def monomials(
    variables: Sequence[Array], powers: Sequence[Sequence[int]], one: Array
) -> list[Array]:
    """The monomials, each `(*,)`, of variables `(*,)`: arrays of numpy or tensors of torch, as is their unit, `one (*,)`."""
    return [prod((x**k for x, k in zip(variables, p, strict=True) if k), start=one) for p in powers]


def quadratic(z: Array) -> Array:
    """1, z and all products of two of its columns `(*, F)`, for z `(*, Z)` of numpy or torch."""
    i, j = np.triu_indices(z.shape[-1])
    parts = (0 * z[..., :1] + 1, z, z[..., i] * z[..., j])
    return torch.cat(parts, -1) if isinstance(z, Tensor) else np.concatenate(parts, -1)


@dataclass(frozen=True)
class Polynomial:
    """All monomials of total degree at most `degree` on a box.

    Arguments:
        low, high: The box, `(P,)` each; a side of zero length contributes no monomials.
        degree: The highest total degree.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    degree: int

    @classmethod
    def around(cls, theta: np.ndarray, degree: int) -> "Polynomial":
        """On the bounding box of theta `(n, P)`."""
        return cls(tuple(theta.min(axis=0).tolist()), tuple(theta.max(axis=0).tolist()), degree)

    @property
    def powers(self) -> list[tuple[int, ...]]:
        """The exponents of each of the B monomials, the constant first."""
        sides = zip(self.low, self.high, strict=True)
        return exponents([self.degree if hi > lo else 0 for lo, hi in sides], self.degree)

    def scaled(self, theta: Array) -> list[Array]:
        """The P coordinates in [-1, 1], each `(*,)`; theta `(*, P)` may be an array of numpy or a tensor of torch."""
        sides = zip(self.low, self.high, strict=True)
        return [
            (2 * theta[..., d] - (hi + lo)) / ((hi - lo) or 1.0) for d, (lo, hi) in enumerate(sides)
        ]

    def monomials(self, theta: Array) -> list[Array]:
        """The B monomials, each `(*,)`, of an array or a tensor."""
        return monomials(self.scaled(theta), self.powers, 1 + 0 * theta[..., 0])

    def features(self, theta: np.ndarray) -> np.ndarray:
        """The monomials as an array `(*, B)`."""
        return np.stack(self.monomials(theta), axis=-1)

    def gradients(self, theta: np.ndarray) -> np.ndarray:
        """Their gradients `(*, B, P)`, per unit of theta."""
        u, one = self.scaled(theta), 1 + 0 * theta[..., 0]
        slopes = [2 / ((hi - lo) or 1.0) for lo, hi in zip(self.low, self.high, strict=True)]
        columns = [
            s * np.stack(_derivatives(u, self.powers, d, one), axis=-1)
            for d, s in enumerate(slopes)
        ]
        return np.stack(columns, axis=-1)


def _derivatives(
    u: list[np.ndarray], powers: list[tuple[int, ...]], d: int, one: np.ndarray
) -> list[np.ndarray]:
    """d/du_d of every monomial, each `(*,)`."""
    lowered = [tuple(max(k - (i == d), 0) for i, k in enumerate(p)) for p in powers]
    found = monomials(u, lowered, one)
    return [p[d] * m for p, m in zip(powers, found, strict=True)]
