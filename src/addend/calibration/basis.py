"""Polynomials in theta: the smooth functions that corrections and critical values are made of.

Monomials of total degree at most d in the coordinates scaled to [-1, 1]: few, linear in their coefficients, with exact
gradients. A critical value or a score bias varies over the prior, not within an interval; degree 1 or 2 suffices.
"""

from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np


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
        most = [self.degree if hi > lo else 0 for lo, hi in zip(self.low, self.high, strict=True)]
        every = product(*(range(m + 1) for m in most))
        return sorted((p for p in every if sum(p) <= self.degree), key=lambda p: (sum(p), p))

    def scaled(self, theta) -> list:
        """The P coordinates in [-1, 1], each `(*,)`; theta `(*, P)` may be an array of numpy or a tensor of torch."""
        sides = zip(self.low, self.high, strict=True)
        return [
            (2 * theta[..., d] - (hi + lo)) / ((hi - lo) or 1.0) for d, (lo, hi) in enumerate(sides)
        ]

    def monomials(self, theta) -> list:
        """The B monomials, each `(*,)`, of an array or a tensor."""
        u = self.scaled(theta)
        return [
            prod((x**k for x, k in zip(u, p, strict=True) if k), start=1 + 0 * theta[..., 0])
            for p in self.powers
        ]

    def features(self, theta: np.ndarray) -> np.ndarray:
        """The monomials as an array `(*, B)`."""
        return np.stack(self.monomials(theta), axis=-1)

    def gradients(self, theta: np.ndarray) -> np.ndarray:
        """Their gradients `(*, B, P)`, per unit of theta."""
        u = self.scaled(theta)
        slopes = [2 / ((hi - lo) or 1.0) for lo, hi in zip(self.low, self.high, strict=True)]
        rows = [
            np.stack([s * _derivative(u, p, d) for d, s in enumerate(slopes)], axis=-1)
            for p in self.powers
        ]
        return np.stack(rows, axis=-2)


def _derivative(u: list[np.ndarray], powers: tuple[int, ...], d: int) -> np.ndarray:
    lowered = [k - (i == d) for i, k in enumerate(powers)]
    if lowered[d] < 0:
        return 0 * u[d]
    return powers[d] * prod(
        (x**k for x, k in zip(u, lowered, strict=True) if k), start=1 + 0 * u[d]
    )
