r"""The tabulated form: a scalar function as its Chebyshev series on a box. (Trefethen, ATAP, chapters 3 and 8.)

    S(theta) = sum_k a_k prod_d T_{k_d}(x_d),        x_d in [-1, 1] the place of theta_d in its box,

with the a_k from the values at the tensor product of Chebyshev nodes x_j = cos(pi (j + 1/2) / n) by a discrete cosine
transform. For an analytic function the error falls geometrically in n; the node count that a box needs grows with its
width in units of the posterior's (nine a dimension on a prior box, five on six sigma).

A polynomial means nothing outside its box: the box is the support, and a theta outside it raises `OutsideSupport`.
Coefficients of tables on one box add, as everything here does.
"""

from typing import Any

import torch
from torch import Tensor

from ..numerics import chebyshev
from ..numerics.designs import held_out, lattice
from ..parameters import ParameterSpace
from .base import Scalar

HELD_OUT = 128


class Tabulated(Scalar):
    """A Chebyshev series on the support of its parameters.

    Arguments:
        space: Its parameters; their bounds are the box.
        coefficients: a_k, `(n_1, ..., n_D)`, float64, in nats.
        n: The number of observations in it.
        name: What the term is called in a sum.
        error: Estimated largest error in the box, in nats.
    """

    def __init__(
        self, space: ParameterSpace, coefficients: Tensor, n: int, name: str, error: float
    ):
        self.space, self.coefficients, self.n, self.name, self.error = (
            space,
            coefficients,
            n,
            name,
            error,
        )
        self.low = torch.from_numpy(space.low)
        self.width = torch.from_numpy(space.high - space.low)

    def values(self, theta: Tensor) -> Tensor:
        rows = max(1, 2**22 // (self.coefficients.numel() // len(self.coefficients)))
        return (
            torch.cat([self._series(t) for t in theta.split(rows)])
            if len(theta)
            else theta.new_zeros(0)
        )

    def tail(self) -> float:
        """The size of the last coefficients along each dimension, in nats: what the next ones would have been at most."""
        along = [self.coefficients.select(d, -1).abs().sum() for d in range(self.coefficients.ndim)]
        return float(sum(along))

    def as_dict(self) -> dict[str, Any]:
        """The table as plain JSON; floats are kept to the last bit."""
        return {
            "space": self.space.as_list(), "n": self.n, "name": self.name, "error": self.error,
            "shape": list(self.coefficients.shape), "coefficients": self.coefficients.flatten().tolist(),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> "Tabulated":
        """The table that `as_dict` described."""
        coefficients = torch.tensor(d["coefficients"], dtype=torch.float64).reshape(d["shape"])
        return cls(
            ParameterSpace.from_list(d["space"]), coefficients, d["n"], d["name"], d["error"]
        )

    def _series(self, theta: Tensor) -> Tensor:
        x = 2 * (theta - self.low) / self.width - 1
        total = torch.einsum(
            "jk,k...->j...",
            chebyshev.polynomials(x[:, 0], self.coefficients.shape[0]),
            self.coefficients,
        )
        for d in range(1, self.coefficients.ndim):
            total = torch.einsum(
                "jk,jk...->j...", chebyshev.polynomials(x[:, d], self.coefficients.shape[d]), total
            )
        return total


def tabulate(scalar: Scalar, low: Any = None, high: Any = None, nodes: int = 9) -> Tabulated:
    """The table of a scalar function on a box inside its support.

    Arguments:
        scalar: The function; it is evaluated at nodes^D + 128 points.
        low, high: The box `(D,)` in the units of the parameters; the support if None.
        nodes: Chebyshev nodes a dimension.

    Raises:
        BadSetting: A box that is empty or not inside the support.
    """
    whole = scalar.space
    low, high = whole.low if low is None else low, whole.high if high is None else high
    ends = zip(map(float, low), map(float, high), strict=True)
    space = whole.within(dict(zip(whole.names, ends, strict=True)))
    x = lattice(*[chebyshev.nodes(nodes)] * len(space))
    with torch.no_grad():
        coefficients = scalar(_place(space, x)).reshape([nodes] * len(space))
        for _ in space:
            coefficients = torch.tensordot(
                coefficients, chebyshev.transform(nodes), dims=([0], [1])
            )
        table = Tabulated(space, coefficients, scalar.n, scalar.name, error=0.0)
        table.error = _error(table, scalar)
    return table


def _place(space: ParameterSpace, x: Tensor) -> Tensor:
    low, high = torch.from_numpy(space.low), torch.from_numpy(space.high)
    return torch.minimum(torch.maximum(low + 0.5 * (x + 1) * (high - low), low), high)


def _error(table: Tabulated, scalar: Scalar) -> float:
    x = 2 * held_out(len(table.space), HELD_OUT) - 1
    theta = _place(table.space, x)
    return float((table(theta) - scalar(theta)).abs().max())
