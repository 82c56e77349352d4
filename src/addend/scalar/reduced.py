r"""The reduced form: a data set as one vector and a count, whatever its size.

Where psi(x; theta) = <phi(x), omega(theta)> - b(theta), an exponential family,

    S(theta) = <t, omega(theta)> - N b(theta),        t = sum_i phi(x_i),

so (t, N) is all that is ever needed of the observations (Fisher, Koopman, Pitman, Darmois). A shard is reduced once;
statistics add; a call costs nothing that depends on N.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..parameters import ParameterSpace
from .base import Scalar

Map = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Statistic:
    """The sum of phi over observations, and their number. Has a zero and a +.

    Arguments:
        t: `(K,)`, float64.
        n: The number of observations.
    """

    t: Tensor
    n: int

    @classmethod
    def zero(cls, k: int) -> "Statistic":
        """The statistic of no observations."""
        return cls(torch.zeros(k, dtype=torch.float64), 0)

    @classmethod
    def of(cls, phi: Tensor) -> "Statistic":
        """The statistic of observations with phi `(N, K)`, accumulated in float64."""
        return cls(phi.double().sum(dim=0), len(phi))

    def __add__(self, other: "Statistic") -> "Statistic":
        return Statistic(self.t + other.t, self.n + other.n)

    def __radd__(self, other: object) -> "Statistic":
        return self if isinstance(other, int) and other == 0 else NotImplemented


class Reduced(Scalar):
    """<t, omega(theta)> - N b(theta).

    Arguments:
        space: Its parameters.
        statistic: (t, N) of the observations.
        omega: theta `(J, D)` to `(J, K)`, differentiable.
        b: theta `(J, D)` to `(J,)` nats for each observation, differentiable.
        name: What the term is called in a sum.
    """

    def __init__(
        self, space: ParameterSpace, statistic: Statistic, omega: Map, b: Map, name: str = "reduced"
    ):
        self.space, self.statistic, self.omega, self.b, self.name = space, statistic, omega, b, name
        self.n = statistic.n

    def values(self, theta: Tensor) -> Tensor:
        return self.omega(theta).double() @ self.statistic.t - self.n * self.b(theta).double()
