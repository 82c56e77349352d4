"""A scalar function in the unit cube of its support, t = (theta - low) / (high - low): where it is climbed and sampled."""

import torch
from torch import Tensor

from ..errors import NotFinite
from ..parameters import ParameterSpace
from ..scalar.base import Scalar
from ..scalar.jet import Jet, Slope


class Cube:
    """A scalar function on the unit cube of its support."""

    def __init__(self, scalar: Scalar):
        self.scalar = scalar
        self.low, self.width = bounds(scalar.space)

    def rows(self, index: Tensor) -> "Cube":
        """The same of the rows that are named, where each has a function of its own."""
        return Cube(self.scalar.rows(index))

    def unit(self, theta: Tensor) -> Tensor:
        """theta `(B, D)` as t in the cube."""
        return ((theta - self.low) / self.width).clamp(0, 1)

    def theta(self, t: Tensor) -> Tensor:
        """t as theta, inside the support to the last bit."""
        return torch.minimum(
            torch.maximum(self.low + self.width * t, self.low),
            torch.from_numpy(self.scalar.space.high),
        )

    def jet(self, t: Tensor) -> Jet:
        """The jet in t; raises `NotFinite` where S is not a number."""
        value, gradient, hessian = self.scalar.jet(self.theta(t))
        require_numbers(self.scalar, self.theta(t), value)
        return Jet(value, torch.nan_to_num(gradient * self.width), self.per_width(hessian))

    def slope(self, t: Tensor) -> Slope:
        """Value and gradient in t; raises `NotFinite` where S is not a number."""
        value, gradient = self.scalar.slope(self.theta(t))
        require_numbers(self.scalar, self.theta(t), value)
        return Slope(value, torch.nan_to_num(gradient * self.width))

    def per_width(self, hessian: Tensor) -> Tensor:
        """A Hessian in theta as the one in t."""
        return torch.nan_to_num(hessian * self.width[:, None] * self.width)

    def per_unit(self, jet: Jet) -> Jet:
        """A jet in t as the jet in theta."""
        return Jet(
            jet.value, jet.gradient / self.width, jet.hessian / (self.width[:, None] * self.width)
        )


def bounds(space: ParameterSpace) -> tuple[Tensor, Tensor]:
    """Lower bounds `(D,)` and widths `(D,)` of the support."""
    return torch.from_numpy(space.low), torch.from_numpy(space.high - space.low)


def require_numbers(scalar: Scalar, theta: Tensor, value: Tensor) -> None:
    """Raise `NotFinite` if S is not a number, or is plus infinity, somewhere."""
    bad = value.isnan() | (value == torch.inf)
    if bad.any():
        at = ", ".join(
            f"{n} = {x:g}"
            for n, x in zip(scalar.space.names, theta[bad.nonzero()[0, 0]].tolist(), strict=True)
        )
        raise NotFinite(
            f"S is not a finite number at {at}", "look for the term that is not, with S.terms"
        )
