"""Two functions of three parameters that share one, without symmetry: what scalar functions are tested on."""

import numpy as np
import torch

from addend.parameters import Parameter, ParameterSpace
from addend.scalar import Function

A = Parameter("a", "1", "the first", -2.0, 2.0)
B = Parameter("b", "1", "the second", -1.0, 3.0, constraint=(1.0, 0.5))
C = Parameter("c", "1", "the third", 0.0, 4.0)
AB, BC, CA = (ParameterSpace(p) for p in ((A, B), (B, C), (C, A)))


def curved() -> Function:
    """A function with no symmetry, whose Hessian is dense."""
    return Function(
        AB,
        lambda t: -((t[:, 0] - 0.3) ** 2) * t[:, 1].exp() + t.prod(dim=1).sin() - t[:, 1] ** 4,
        name="curved",
    )


def product() -> Function:
    """A function of (b, c) with another order of names in the sum."""
    return Function(BC, lambda t: -t[:, 0] * t[:, 1] ** 2 + t[:, 1].cos(), name="product")


def points(space: ParameterSpace, n: int, seed: int = 0) -> torch.Tensor:
    """theta `(n, D)` inside the support."""
    return torch.from_numpy(space.draw(n, np.random.default_rng(seed)))
