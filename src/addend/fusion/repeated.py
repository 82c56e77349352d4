"""One term in several repetitions of a fusion, held together: J functions of one theta."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from ..scalar import Jet, Psi, Scalar, Slope
from ..scalar import jet as jets

PAIRS = 2**13
"""(theta, observation) pairs, second derivatives of which are held at once; more would leave the cache."""


class Repeated(Scalar):
    """One term in several repetitions; row b of theta belongs to repetition `which[b]`.

    Arguments:
        psi: What is summed.
        z: What it makes of the observables of J repetitions `(J, N, Z)`.
        e: And of the covariates, `(1, N, E)` if they are the same in every repetition, else `(J, N, E)`.
        which: The repetition of each row of theta `(B,)`; each of the J in turn if None.
    """

    def __init__(self, psi: Psi, z: Tensor, e: Tensor, which: Tensor | None = None):
        self.psi, self.z, self.e, self.name, self.n = psi, z, e, psi.name, z.shape[1]
        self.space = psi.space
        self.which = torch.arange(len(z)) if which is None else which
        self.chunk = max(1, PAIRS // max(1, self.n))

    def rows(self, index: Tensor) -> "Repeated":
        return Repeated(self.psi, self.z, self.e, self.which[index])

    def at(self, theta: Tensor, which: Tensor) -> Tensor:
        """psi `(B, N)` in nats of the observations of each `which (B,)` at theta `(B, D)`, or at `(B, N, D)`, one each."""
        e = self.e if len(self.e) == 1 else self.e[which]
        near = theta if theta.ndim == 3 else theta[:, None]
        return self.psi.aligned(self.z[which], e, near).double()

    def summed(self, theta: Tensor, which: Tensor) -> Tensor:
        """S `(B,)` in nats of each `which (B,)` at theta `(B, D)`."""
        return self.at(theta, which).sum(dim=1)

    def observations(self, theta: Tensor) -> Tensor:
        return torch.cat([self.at(*rows) for rows in self._chunks(theta)])

    def values(self, theta: Tensor) -> Tensor:
        return torch.cat([self.summed(*rows) for rows in self._chunks(theta)])

    def jet(self, theta: Tensor) -> Jet:
        return jets.joined(self._jet(*rows) for rows in self._chunks(theta))

    def slope(self, theta: Tensor) -> Slope:
        return jets.joined(
            jets.slope(partial(self.summed, which=which), rows)
            for rows, which in self._chunks(theta)
        )

    def each_score(self, theta: Tensor) -> Tensor:
        """The gradient of each observation's psi, `(B, N, D)`, at theta `(B, D)`."""
        return torch.cat([self._scores(*rows) for rows in self._chunks(theta)])

    def _chunks(self, theta: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        return zip(theta.split(self.chunk), self.which.split(self.chunk), strict=True)

    def _jet(self, theta: Tensor, which: Tensor) -> Jet:
        """One backward pass for each row of the Hessian: cheaper than one over D copies where rows are many."""
        with torch.enable_grad():
            x = theta.detach().requires_grad_()
            value = self.summed(x, which)
            gradient = jets.grad(value.sum(), x, create_graph=True)
            hessian = [jets.grad(g.sum(), x, retain_graph=True) for g in gradient.T]
        rows = torch.stack(hessian, dim=1)
        return Jet(value.detach(), gradient.detach(), 0.5 * (rows + rows.mT))

    def _scores(self, theta: Tensor, which: Tensor) -> Tensor:
        with torch.enable_grad():
            each = theta[:, None].expand(-1, self.n, -1).detach().clone().requires_grad_()
            return jets.grad(self.at(each, which).sum(), each)
