r"""Scalar functions in closed form, and those made from another one.

A constraint is the auxiliary measurement that comes with a parameter (HistFactory's word; Cranmer et al. 2012,
CERN-OPEN-2012-016): for eta ~ N(mean, std) the term

    -(eta - mean)^2 / (2 std^2)

is added to S once, whichever modalities use eta.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import BadSetting
from ..parameters import Parameter, ParameterSpace
from .base import Scalar
from .jet import Jet, Part, Slope, differentiate, slope


class Function(Scalar):
    """A scalar function known in closed form.

    Arguments:
        space: Its parameters.
        f: theta `(J, D)` to nats, `(J,)`, or `(J, N)` with one column for each observation; differentiable.
        n: The number of observations, where f returns `(J,)`.
        name: What it is called in a sum.
    """

    def __init__(
        self,
        space: ParameterSpace,
        f: Callable[[Tensor], Tensor],
        n: int = 1,
        name: str = "function",
    ):
        self.space, self.f, self.n, self.name = space, f, n, name

    def values(self, theta: Tensor) -> Tensor:
        return self.observations(theta).sum(dim=-1)

    def observations(self, theta: Tensor) -> Tensor:
        return self.f(theta).reshape(len(theta), -1)


class Constraint(Scalar):
    """log N(theta; mean, standard deviation) of a parameter's constraint, up to a constant.

    Raises:
        BadSetting: The parameter has none.
    """

    n = 0

    def __init__(self, parameter: Parameter):
        if parameter.constraint is None:
            raise BadSetting(
                f"parameter '{parameter.name}' has no constraint",
                "declare one in its parameters.yaml",
            )
        self.space, self.name = ParameterSpace((parameter,)), f"constraint:{parameter.name}"
        self.mean, self.std = parameter.constraint

    def values(self, theta: Tensor) -> Tensor:
        return -0.5 * ((theta[:, 0] - self.mean) / self.std).square()

    def variability(self, theta: Any) -> np.ndarray:
        """The known variance of its score, `(1, 1)`: it was measured once."""
        return np.full((1, 1), self.std**-2)


def constraints(space: ParameterSpace) -> list[Constraint]:
    """The constraint terms of a space: one for each parameter that has one."""
    return [Constraint(p) for p in space if p.constraint is not None]


class Fixed(Scalar):
    """A scalar function with some of its parameters held at given values.

    Arguments:
        scalar: The function of all parameters.
        at: The value of each parameter to hold, by name, in its unit.
    """

    def __init__(self, scalar: Scalar, at: Mapping[str, float]):
        held = scalar.space.index(list(at))
        scalar.space.subset(list(at)).require_inside(
            torch.tensor(list(at.values()), dtype=torch.float64).numpy()
        )
        self.scalar, self.name, self.n, self.held = scalar, scalar.name, scalar.n, held
        self.free = [d for d in range(len(scalar.space)) if d not in held]
        self.space = ParameterSpace(tuple(scalar.space.parameters[d] for d in self.free))
        self.at = torch.tensor(list(at.values()), dtype=torch.float64)

    def full(self, theta: Tensor) -> Tensor:
        """theta `(J, D - held)` completed to `(J, D)`."""
        order = torch.argsort(torch.tensor(self.held + self.free))
        return torch.cat([self.at.expand(len(theta), -1), theta], dim=1)[:, order]

    def values(self, theta: Tensor) -> Tensor:
        return self.scalar.values(self.full(theta))

    def observations(self, theta: Tensor) -> Tensor:
        return self.scalar.observations(self.full(theta))

    def jet(self, theta: Tensor) -> Jet:
        value, gradient, hessian = self.scalar.jet(self.full(theta))
        return Jet(value, gradient[:, self.free], hessian[:, self.free][:, :, self.free])

    def slope(self, theta: Tensor) -> Slope:
        value, gradient = self.scalar.slope(self.full(theta))
        return Slope(value, gradient[:, self.free])


class Scaled(Scalar):
    r"""w (s - n B): a term of a composite likelihood (Varin, Reid and Firth, Statistica Sinica 21 (2011) 5).

    A weighted sum is no log-likelihood: its curvature is no error, while sandwich and calibrated intervals hold.

    Arguments:
        scalar: The function s.
        weight: w, a number, or a tensor of one element through which gradients flow; or `(N,)`, one for each observation.
        offset: B: theta `(J, D)` to `(J,)` nats an observation, differentiable; None for zero.
    """

    def __init__(
        self,
        scalar: Scalar,
        weight: float | Tensor = 1.0,
        offset: Callable[[Tensor], Tensor] | None = None,
    ):
        self.scalar, self.offset = scalar, offset
        self.weight: Tensor = torch.as_tensor(weight, dtype=torch.float64)
        self.space, self.name, self.n = scalar.space, scalar.name, scalar.n

    @property
    def bare(self) -> Scalar:
        return self.scalar.bare

    def like(self, other: Scalar) -> "Scaled":
        return Scaled(self.scalar.like(other), self.weight, self.offset)

    def rows(self, index: Tensor) -> "Scaled":
        return Scaled(self.scalar.rows(index), self.weight, self.offset)

    def values(self, theta: Tensor) -> Tensor:
        if self.weight.ndim:
            return self.observations(theta).sum(dim=-1)
        value = self.scalar.values(theta)
        if self.offset is not None:
            value = value - self.n * self.offset(theta)
        return self.weight * value

    def observations(self, theta: Tensor) -> Tensor:
        each = self.scalar.observations(theta)
        if self.offset is not None:
            each = each - self.offset(theta)[:, None]
        return self.weight * each

    def jet(self, theta: Tensor) -> Jet:
        if self.weight.ndim:
            return super().jet(theta)
        return self._weighed(self.scalar.jet(theta), differentiate, theta)

    def slope(self, theta: Tensor) -> Slope:
        if self.weight.ndim:
            return super().slope(theta)
        return self._weighed(self.scalar.slope(theta), slope, theta)

    def _weighed(
        self, own: Part, of: Callable[[Callable[[Tensor], Tensor], Tensor], Part], theta: Tensor
    ) -> Part:
        if self.offset is not None:
            taken = of(self.offset, theta)
            own = type(own)(*(s - self.n * b for s, b in zip(own, taken, strict=True)))
        return type(own)(*(self.weight.detach() * x for x in own))

    def scores(self, theta: Any) -> Tensor:
        theta = self.check(theta)
        own = self.scalar.scores(theta)
        if self.offset is not None:
            own = own - differentiate(self.offset, theta[None]).gradient
        return self.weight.detach().reshape(-1, 1) * own
