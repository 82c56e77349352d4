r"""J repetitions of a term of many observations, each reduced to its values at a few nodes of phi.

    S_j(phi_g) = sum_i g(z_ij; phi_g, e_i)  =  sum_i sum_q C_q(z_ij) g(z_iq; phi_g, e_i)

The covariates e_i are those of the real data in every repetition. So of each observation psi is tabulated once, at Q nodes of
its z and at nodes phi_g of a box around the truths; the J sums over N observations are then one product of matrices, and S_j
anywhere in the box is the polynomial through its values (Trefethen, ATAP, chapter 8). Thetas beyond the box, and scores of
single observations, are asked of the encoder. A box in which the polynomials are off by more than `OFF` is not used.
"""

import torch
from torch import Tensor

from ..encoder import Encoder
from ..numerics import chebyshev
from ..numerics.designs import held_out, lattice
from ..scalar import jet as jets
from .repeated import Repeated
from .tables import BEYOND, OFF

FEW = 256
"""Observations below which every repetition is asked of its own."""
TRIED, OF_Z, ROWS, HELD = (7, 9, 13), 13, 2**12, 32
"""Nodes a coordinate, tried in turn; nodes of z; observations at once; points and repetitions at which the error is measured."""
MOST, REACH, NARROW = 200, 7.0, 1e-3
"""The most nodes in all; how far the box goes beyond the truths, in errors of the term alone; the least half-width."""


class Interpolated(Repeated):
    """One term in several repetitions, by its values at the nodes of a box.

    Arguments:
        repeated: The term.
        encoder: Its encoder.
        box: Middle and half-width `(K,)` of the box of phi.
        nodes: Nodes a coordinate.
        found: S `(J, nodes^K)`, the last coordinate fastest.
    """

    def __init__(
        self,
        repeated: Repeated,
        encoder: Encoder,
        box: tuple[Tensor, Tensor],
        nodes: int,
        found: Tensor,
    ):
        super().__init__(encoder, repeated.z, repeated.e, repeated.which)
        self.repeated, self.encoder, self.box, self.nodes, self.found = (
            repeated,
            encoder,
            box,
            nodes,
            found,
        )
        self.chunk = max(1, 2**18 // found.shape[1])

    def rows(self, index: Tensor) -> "Interpolated":
        return Interpolated(
            self.repeated.rows(index), self.encoder, self.box, self.nodes, self.found
        )

    def summed(self, theta: Tensor, which: Tensor) -> Tensor:
        unit = (self.encoder.phi(theta) - self.box[0]) / self.box[1]
        s = (self.found[which] * chebyshev.cardinals_in_all(unit, self.nodes)).sum(dim=1)
        beyond = (unit.detach().abs() > 1).any(dim=1)
        if beyond.any():
            s = s.clone()
            s[beyond] = super().summed(theta[beyond], which[beyond])
        return s


def interpolated(repeated: Repeated, theta: Tensor) -> Repeated:
    """The term by its values at nodes, if it has many observations of one number and that is as good; itself otherwise.

    Arguments:
        repeated: The term, of J repetitions.
        theta: Their truths `(J, D)`, in the term's own parameters.
    """
    psi, z = repeated.psi, repeated.z
    if repeated.n < FEW or z.shape[2] > 1 or len(repeated.e) > 1:
        return repeated
    if not isinstance(psi, Encoder) or psi.head.whole:
        return repeated
    with torch.no_grad():
        box = _box(psi, repeated, psi.phi(theta))
        for n in TRIED:
            if n ** len(box[0]) > MOST:
                break
            grid = box[0] + box[1] * lattice(*[chebyshev.nodes(n)] * len(box[0]))
            found = Interpolated(repeated, psi, box, n, _sums(psi, repeated, grid))
            if _error(found, psi, repeated) <= OFF:
                return found
    return repeated


def _box(psi: Encoder, repeated: Repeated, phi: Tensor) -> tuple[Tensor, Tensor]:
    """Around the truths, as far beyond as an ascent may go."""

    def s(at: Tensor) -> Tensor:
        return psi.head(repeated.z[0], repeated.e[0], at[:, None]).double().sum(-1)

    curved = -jets.differentiate(s, phi.mean(0, keepdim=True)).hessian[0]
    reach = REACH * torch.linalg.pinv(curved, hermitian=True).diagonal().clamp(min=0).sqrt()
    low, high = phi.min(0).values - reach, phi.max(0).values + reach
    low, high = low.clamp(min=-BEYOND), high.clamp(max=BEYOND)
    # a coordinate in which S is flat and the truths agree would have a box of no width
    return (low + high) / 2, ((high - low) / 2).clamp(min=NARROW)


def _sums(psi: Encoder, repeated: Repeated, grid: Tensor) -> Tensor:
    """S `(J, G)` of every repetition at phi `(G, K)`."""
    total = grid.new_zeros(len(repeated.z), len(grid))
    nodes = chebyshev.nodes(OF_Z)
    for z, e in zip(repeated.z[:, :, 0].split(ROWS, dim=1), repeated.e[0].split(ROWS), strict=True):
        low, high = z.min(0).values, z.max(0).values
        middle, half = (low + high) / 2, ((high - low) / 2).clamp(min=torch.finfo(z.dtype).tiny)
        at = middle + nodes[:, None] * half
        table = torch.stack([psi.head.outer(row[:, None], e, grid).double() for row in at])
        own = chebyshev.cardinals((z - middle) / half, OF_Z)
        total += own.permute(0, 2, 1).flatten(1) @ table.permute(0, 2, 1).flatten(0, 1)
    return total


def _error(found: Interpolated, psi: Encoder, repeated: Repeated) -> float:
    """The largest error at points between the nodes, each of another repetition."""
    middle, half = found.box
    unit = 2 * held_out(len(middle), HELD) - 1
    which = torch.arange(HELD) % len(repeated.z)
    at = (middle + half * unit)[:, None]
    exact = psi.head(repeated.z[which], repeated.e, at).double().sum(-1)
    return float(
        ((found.found[which] * chebyshev.cardinals_in_all(unit, found.nodes)).sum(1) - exact)
        .abs()
        .max()
    )
