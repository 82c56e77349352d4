r"""Value, gradient and Hessian in one pass: the second-order jet of a scalar function.

The Hessian comes from differentiating twice by plain reverse mode, which any torch program supports, an exported one
included. theta is repeated D times, the d-th copy supplies row d of every Hessian, and all rows come out of one
backward pass: D is small and the number of passes is what costs.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor


class Jet(NamedTuple):
    """A scalar function to second order at J points of theta.

    Arguments:
        value: `(J,)` in nats.
        gradient: `(J, D)` in nats per unit of theta.
        hessian: `(J, D, D)` in nats per unit of theta squared.
    """

    value: Tensor
    gradient: Tensor
    hessian: Tensor

    def plus(self, other: "Jet") -> "Jet":
        """The jet of the sum of two functions of the same theta."""
        return Jet(*(a + b for a, b in zip(self, other, strict=True)))

    def embed(self, columns: list[int], d: int) -> "Jet":
        """The jet of the same function as one of d parameters, of which it reads `columns`."""
        gradient = self.gradient.new_zeros(len(self.value), d)
        hessian = self.hessian.new_zeros(len(self.value), d, d)
        at = torch.tensor(columns, dtype=torch.long)
        gradient[:, at] = self.gradient
        hessian[:, at[:, None], at] = self.hessian
        return Jet(self.value, gradient, hessian)

    @classmethod
    def zero(cls, j: int, d: int) -> "Jet":
        """The jet of the function that is zero everywhere."""
        zeros = torch.zeros(j, d, d, dtype=torch.float64)
        return cls(zeros.new_zeros(j), zeros.new_zeros(j, d), zeros)


class Slope(NamedTuple):
    """A scalar function to first order at J points of theta: a quarter or less of the work of its jet.

    Arguments:
        value: `(J,)` in nats.
        gradient: `(J, D)` in nats per unit of theta.
    """

    value: Tensor
    gradient: Tensor

    def plus(self, other: "Slope") -> "Slope":
        """The slope of the sum of two functions of the same theta."""
        return Slope(self.value + other.value, self.gradient + other.gradient)

    @classmethod
    def zero(cls, j: int, d: int) -> "Slope":
        """The slope of the function that is zero everywhere."""
        return cls(*Jet.zero(j, d)[:2])


Part = TypeVar("Part", Jet, Slope)


def slope(f: Callable[[Tensor], Tensor], theta: Tensor) -> Slope:
    """Value and gradient, detached, of f: `(J, D)` -> `(J,)` at theta `(J, D)`."""
    with torch.enable_grad():
        x = theta.detach().clone().requires_grad_()
        value = f(x)
        return Slope(value.detach(), grad(value.sum(), x))


def joined(parts: Iterable[Part]) -> Part:
    """Jets or slopes of points that follow one another, as one."""
    first, *rest = parts
    return type(first)(*(torch.cat(group) for group in zip(first, *rest, strict=True)))


def differentiate(f: Callable[[Tensor], Tensor], theta: Tensor) -> Jet:
    """The jet, detached, of f: `(J, D)` -> `(J,)` at theta `(J, D)`."""
    j, d = theta.shape
    if j == 0 or d == 0:
        return Jet.zero(j, d)._replace(value=f(theta).detach())
    with torch.enable_grad():
        x = theta.detach().repeat(d, 1).requires_grad_()
        value = f(x)
        gradient = grad(value.sum(), x, create_graph=True)
        rows = gradient.reshape(d, j, d).diagonal(dim1=0, dim2=2)
        hessian = grad(rows.sum(), x).reshape(d, j, d).transpose(0, 1)
    return Jet(value[:j].detach(), gradient[:j].detach(), 0.5 * (hessian + hessian.mT).detach())


def scores(f: Callable[[Tensor], Tensor], theta: Tensor) -> Tensor:
    """Gradient `(N, D)` of each of the N values of f: `(1, D)` -> `(1, N)` at one theta `(D,)`.

    The product J^T v of the Jacobian with a vector v is linear in v, and its derivative is a column of J: D backward
    passes, whatever N.
    """
    with torch.enable_grad():
        x = theta.detach().reshape(1, -1).requires_grad_()
        value = f(x)
        v = torch.ones_like(value).requires_grad_()
        product = grad(value, x, v, create_graph=True)[0]
        columns = [grad(p, v, retain_graph=True)[0] for p in product]
    return torch.stack(columns, dim=-1) if columns else value.new_zeros(value.shape[-1], 0)


def grad(y: Tensor, x: Tensor, v: Tensor | None = None, **options: bool) -> Tensor:
    """The gradient of y in x, along v where y is no number; zero where it does not depend on x."""
    if not y.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(y, x, v, materialize_grads=True, **options)[0]
