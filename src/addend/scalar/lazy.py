r"""The lazy form: an encoder and the observations it has not yet been asked about.

    S(theta) = sum_i psi(z_i, c_i; theta),        z_i = f_m(x_i) computed once

Work on x alone is done once for each x, when the term is made; work on theta alone once for each theta. The J x N pairs
are evaluated in chunks over observations and theta, and summed in float64, so that memory stays within a budget
whatever J and N. Any chunking gives the same S up to rounding.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..modality import Columns
from . import jet as jets
from .base import Scalar
from .jet import Jet, Slope
from .psi import Psi

PAIRS = 2**18


class Lazy(Scalar):
    """One encoder on one table of observations.

    Arguments:
        encoder: The encoder psi_m.
        columns: The observations, one a row; none at all is allowed, and gives zero.
        name: What the term is called in a sum; the encoder's name if None.
        pairs: The most (theta, observation) pairs held at once. A pair costs about 1 kB of a small network, and four
            times that with second derivatives, for which fewer are held.
    """

    def __init__(self, encoder: Psi, columns: Columns, name: str | None = None, pairs: int = PAIRS):
        self.encoder, self.space, self.name, self.pairs = (
            encoder,
            encoder.space,
            name or encoder.name,
            pairs,
        )
        self.n = len(next(iter(columns.values())))
        self.z, self.e = encoder.embed(columns)

    @classmethod
    def embedded(
        cls, encoder: Psi, z: Tensor, e: Tensor, name: str | None = None, pairs: int = PAIRS
    ) -> "Lazy":
        """The same of observations that were embedded before: z `(N, Z)` and e `(N, E)`."""
        term = cls.__new__(cls)
        term.encoder, term.space, term.name, term.pairs = (
            encoder,
            encoder.space,
            name or encoder.name,
            pairs,
        )
        term.n, term.z, term.e = len(z), z, e
        return term

    def chunks(self, pairs: int) -> Iterator[tuple[Tensor, Tensor]]:
        """(z, e) of at most `pairs` observations at a time."""
        for start in range(0, self.n, pairs):
            yield self.z[start : start + pairs], self.e[start : start + pairs]

    def values(self, theta: Tensor) -> Tensor:
        rows = max(1, self.pairs // max(1, min(self.n, self.pairs)))
        return (
            torch.cat([self._sum(t) for t in theta.split(rows)])
            if len(theta)
            else theta.new_zeros(0)
        )

    def observations(self, theta: Tensor) -> Tensor:
        read = [self.encoder.psi(z, e, theta).double() for z, e in self.chunks(self.pairs)]
        return torch.cat([theta.new_zeros(len(theta), 0), *read], dim=1)

    def jet(self, theta: Tensor) -> Jet:
        pairs = max(1, self.pairs // (4 * max(1, len(self.space))))
        rows = max(1, pairs // max(1, min(self.n, pairs)))
        parts = [Jet.zero(0, theta.shape[1]), *(self._jet(t, pairs) for t in theta.split(rows))]
        return jets.joined(parts)

    def slope(self, theta: Tensor) -> Slope:
        pairs = max(1, self.pairs // 4)
        rows = max(1, pairs // max(1, min(self.n, pairs)))
        parts = [Slope.zero(0, theta.shape[1]), *(self._slope(t, pairs) for t in theta.split(rows))]
        return jets.joined(parts)

    def scores(self, theta: Any) -> Tensor:
        theta = self.check(theta)
        read = [jets.scores(partial(self._psi, z, e), theta) for z, e in self.chunks(self.pairs)]
        return torch.cat([theta.new_zeros(0, len(self.space)), *read])

    def _psi(self, z: Tensor, e: Tensor, theta: Tensor) -> Tensor:
        return self.encoder.psi(z, e, theta).double()

    def _total(self, z: Tensor, e: Tensor, theta: Tensor) -> Tensor:
        return self._psi(z, e, theta).sum(dim=-1)

    def _sum(self, theta: Tensor) -> Tensor:
        total = theta.new_zeros(len(theta))
        for z, e in self.chunks(self.pairs):
            total = total + self.encoder.psi(z, e, theta).double().sum(dim=-1)
        return total

    def _jet(self, theta: Tensor, pairs: int) -> Jet:
        total = Jet.zero(*theta.shape)
        for part in self._parts(pairs):
            total = total.plus(jets.differentiate(part, theta))
        return total

    def _slope(self, theta: Tensor, pairs: int) -> Slope:
        total = Slope.zero(*theta.shape)
        for part in self._parts(pairs):
            total = total.plus(jets.slope(part, theta))
        return total

    def _parts(self, pairs: int) -> Iterator[Callable[[Tensor], Tensor]]:
        """The sum over at most `pairs` observations at a time."""
        for z, e in self.chunks(pairs):
            yield partial(self._total, z, e)
