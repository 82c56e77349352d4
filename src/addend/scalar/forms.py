r"""Scalar functions in closed form, and those made from another one.

A constraint is the auxiliary measurement that comes with a parameter (HistFactory's word; Cranmer et al. 2012,
CERN-OPEN-2012-016): for eta ~ N(mean, std) the term

    -(eta - mean)^2 / (2 std^2)

is added to S once, whichever modalities use eta.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ..errors import BadSetting
from ..parameters import Parameter, ParameterSpace
from .base import Scalar
from .jet import Jet


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


class Scaled(Scalar):
    """A scalar function times a weight: a term of a composite likelihood.

    Arguments:
        scalar: The function.
        weight: A number, or a tensor of one element through which gradients flow; or `(N,)`, one for each observation.
    """

    def __init__(self, scalar: Scalar, weight: float | Tensor):
        self.scalar, self.weight = scalar, torch.as_tensor(weight, dtype=torch.float64)
        self.space, self.name, self.n = scalar.space, scalar.name, scalar.n

    def values(self, theta: Tensor) -> Tensor:
        if self.weight.ndim == 0:
            return self.weight * self.scalar.values(theta)
        return self.observations(theta).sum(dim=-1)

    def observations(self, theta: Tensor) -> Tensor:
        return self.weight * self.scalar.observations(theta)

    def jet(self, theta: Tensor) -> Jet:
        if self.weight.ndim:
            return super().jet(theta)
        return Jet(*(self.weight.detach() * x for x in self.scalar.jet(theta)))
