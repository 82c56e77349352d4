r"""What a scalar function is, and its sum. (Cranmer 2026, section 2.3.)

    S(theta) = sum_m sum_i psi_m(x_mi; theta)  =  log p(data | theta) + constant        [nats]

for observations that are independent given theta. Everything one wants of S is linear in its terms: value, gradient,
Hessian. So a scalar function is a value with a zero and a +, and the builtin `sum()` works. Terms are aligned by the
names of their parameters: each reads its own columns of theta, and is flat in all others.

S stays a list of named terms. Removing a modality removes exactly its term; nothing is ever gridded or multiplied out.
All sums are float64: S grows as N while the differences that matter stay of order one.
"""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import UnknownModality
from ..numerics.clusters import cluster_covariance
from ..parameters import ParameterSpace
from . import jet as jets
from .jet import Jet, Slope


class Scalar(ABC):
    """A scalar function of theta, in nats up to a constant, on the support of its parameters.

    Attributes:
        space: Its own parameters, in the order of the columns of theta.
        name: What it is called in a sum: the modality's name, for a modality.
        n: The number of observations in it.
        weight: What multiplies it where it is a term of a composite likelihood (`Scaled`).
        offset: B(theta) `(J,)` in nats, taken off each of its observations; None where nothing is.
    """

    space: ParameterSpace
    name: str
    n: int
    weight: float | Tensor = 1.0
    offset: Callable[[Tensor], Tensor] | None = None

    @abstractmethod
    def values(self, theta: Tensor) -> Tensor:
        """`(J,)` nats at theta `(J, D)`, float64, inside the support (not checked); differentiable in theta."""

    def observations(self, theta: Tensor) -> Tensor:
        """What each observation contributes, `(J, N)` nats at theta `(J, D)`; a term without observations is one."""
        return self.values(theta)[:, None]

    def jet(self, theta: Tensor) -> Jet:
        """Value, gradient and Hessian at theta `(J, D)`, detached."""
        return jets.differentiate(self.values, theta)

    def slope(self, theta: Tensor) -> Slope:
        """Value and gradient at theta `(J, D)`, detached."""
        return jets.slope(self.values, theta)

    def rows(self, index: Tensor) -> "Scalar":
        """The function of the rows `index (B,)` of theta: itself, unless each row has one of its own (`fusion.experiments`)."""
        return self

    @property
    def bare(self) -> "Scalar":
        """The function without its weight and offset."""
        return self

    def like(self, other: "Scalar") -> "Scalar":
        """Another function with the weight and the offset of this one."""
        return other

    def __call__(self, theta: Any) -> Tensor:
        """`(*,)` nats at theta `(*, D)`, differentiable; raises `OutsideSupport`."""
        theta = self.check(theta)
        return self.values(theta.reshape(math.prod(theta.shape[:-1]), len(self.space))).reshape(
            theta.shape[:-1]
        )

    def gradient(self, theta: Any) -> Tensor:
        """`(*, D)` nats per unit of each parameter, at theta `(*, D)`."""
        theta = self.check(theta)
        flat = theta.reshape(math.prod(theta.shape[:-1]), len(self.space))
        return self.slope(flat).gradient.reshape(theta.shape)

    def hessian(self, theta: Any) -> Tensor:
        """`(*, D, D)` nats per unit of two parameters, at theta `(*, D)`."""
        theta = self.check(theta)
        jet = self.jet(theta.reshape(math.prod(theta.shape[:-1]), len(self.space)))
        return jet.hessian.reshape(*theta.shape, len(self.space))

    def scores(self, theta: Any) -> Tensor:
        """Gradient of each observation's contribution, `(N, D)`, at one theta `(D,)`."""
        return jets.scores(self.observations, self.check(theta))

    def variability(self, theta: Any) -> np.ndarray:
        """J `(D, D)`, the variance of the score of the whole term, at theta `(D,)`: from its observations' scores.

        Itself uncertain where they are few. A term without observations has been measured once, and says what it knows.
        """
        return cluster_covariance(self.scores(theta).numpy())

    def check(self, theta: Any) -> Tensor:
        """theta `(*, D)` as a float64 tensor inside the support; raises `OutsideSupport`, for a NaN too."""
        theta = torch.as_tensor(theta, dtype=torch.float64)
        self.space.require_inside(theta.detach().numpy())
        return theta

    @property
    def flat(self) -> tuple["Scalar", ...]:
        """The terms, one by one."""
        return (self,)

    @property
    def terms(self) -> dict[str, "Scalar"]:
        """The terms by name; those that share a name (shards of one modality) are one sum."""
        return {self.name: self}

    def named(self, name: str) -> "Scalar":
        """The same function under another name."""
        other = copy.copy(self)
        other.name = name
        return other

    def on(self, space: ParameterSpace) -> "Sum":
        """The same function of the parameters of `space`, in its order; flat in those it does not know."""
        return Sum(self.flat, space)

    def __add__(self, other: "Scalar") -> "Sum":
        return Sum(self.flat + other.flat) if isinstance(other, Scalar) else NotImplemented

    def __radd__(self, other: object) -> "Scalar":
        return self if isinstance(other, int) and other == 0 else NotImplemented


class Zero(Scalar):
    """The sum of no observations."""

    space, name, n = ParameterSpace(()), "zero", 0

    def values(self, theta: Tensor) -> Tensor:
        return theta.new_zeros(len(theta))

    @property
    def flat(self) -> tuple[Scalar, ...]:
        return ()


class Sum(Scalar):
    """A flat list of terms, aligned by the names of their parameters.

    Arguments:
        parts: The terms.
        space: The parameters of the sum and their order; the union over the terms, in order of appearance, if None.
            The support is in any case the intersection of all.
    """

    name = "sum"

    def __init__(self, parts: Iterable[Scalar], space: ParameterSpace | None = None):
        self.parts = tuple(part for term in parts for part in term.flat)
        self.space = reduce(or_, (p.space for p in self.parts), space or ParameterSpace(()))
        self.columns = [self.space.index(p.space.names) for p in self.parts]
        self.n = sum(p.n for p in self.parts)

    @property
    def flat(self) -> tuple[Scalar, ...]:
        return self.parts

    @property
    def terms(self) -> dict[str, Scalar]:
        found: dict[str, list[Scalar]] = {}
        for part in self.parts:
            found.setdefault(part.name, []).append(part)
        return {
            name: parts[0] if len(parts) == 1 else Sum(parts).named(name)
            for name, parts in found.items()
        }

    def without(self, name: str) -> "Sum":
        """The sum of the other terms, on their own parameters, in the order these have here.

        Raises:
            UnknownModality: No term has that name.
        """
        if name not in self.terms:
            found = ", ".join(self.terms) or "none"
            raise UnknownModality(
                f"there is no term '{name}' in this sum, found {found}", "correct the name"
            )
        return self.only(p.name for p in self.parts if p.name != name)

    def only(self, names: Iterable[str]) -> "Sum":
        """The sum of the named terms, on their own parameters, in the order these have here."""
        names = set(names)
        rest = Sum(p for p in self.parts if p.name in names)
        return rest.on(rest.space.subset([n for n in self.space.names if n in rest.space.names]))

    def values(self, theta: Tensor) -> Tensor:
        total = theta.new_zeros(len(theta))
        for part, columns in zip(self.parts, self.columns, strict=True):
            total = total + part.values(theta[:, columns])
        return total

    def observations(self, theta: Tensor) -> Tensor:
        read = [
            part.observations(theta[:, columns])
            for part, columns in zip(self.parts, self.columns, strict=True)
        ]
        return torch.cat([theta.new_zeros(len(theta), 0), *read], dim=1)

    def rows(self, index: Tensor) -> "Sum":
        return Sum([part.rows(index) for part in self.parts], self.space)

    def scores(self, theta: Any) -> Tensor:
        theta = self.check(theta)
        read = [theta.new_zeros(0, len(self.space))]
        for part, columns in zip(self.parts, self.columns, strict=True):
            own = part.scores(theta[columns])
            read.append(own.new_zeros(len(own), len(self.space)))
            read[-1][:, columns] = own
        return torch.cat(read)

    def variability(self, theta: Any) -> np.ndarray:
        """J `(D, D)`: of the scores of all its observations together, and what terms without observations know."""
        theta, known = self.check(theta), np.zeros((len(self.space),) * 2)
        seen = Sum([p for p in self.parts if p.n], self.space)
        for part, columns in zip(self.parts, self.columns, strict=True):
            if not part.n:
                known[np.ix_(columns, columns)] += part.variability(theta[columns])
        return cluster_covariance(seen.scores(theta).numpy()) + known

    def jet(self, theta: Tensor) -> Jet:
        total = Jet.zero(*theta.shape)
        for part, columns in zip(self.parts, self.columns, strict=True):
            total = total.plus(part.jet(theta[:, columns]).embed(columns, len(self.space)))
        return total

    def slope(self, theta: Tensor) -> Slope:
        value, gradient = Slope.zero(*theta.shape)
        for part, columns in zip(self.parts, self.columns, strict=True):
            own = part.slope(theta[:, columns])
            value += own.value
            gradient[:, columns] += own.gradient
        return Slope(value, gradient)
