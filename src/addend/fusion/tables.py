r"""S of many observations as a table in the few coordinates that its encoder reads theta through.

    S_m(theta) = sum_i g_m(z_i; phi(theta))  =  sum_k a_k prod_d T_{k_d}(phi_d),        phi in [-1, 1]^K over the support

Whoever looks for a maximum, draws a posterior or walks a profile asks S some eighty thousand times, and the table is asked
instead. It is of the sum, so its cost does not grow with N; it is smooth where the head is, and its error falls geometrically
in the nodes (Trefethen, ATAP, chapter 8): for 1820 supernovae 0.09 nat with 17 a coordinate, 0.001 with 33. The error is
measured at points between the nodes, all over the support and closely around the best of them, and a table that is off by more
than `OFF` is not used: then every observation is asked. Its scores one by one are those of the observations in any case.
"""

import torch
from torch import Tensor

from ..encoder import Encoder
from ..numerics.designs import held_out
from ..parameters import Parameter, ParameterSpace
from ..scalar import Jet, Lazy, Scalar, Tabulated, tabulate
from ..schema import Columns

FEW, NODES, MOST = 256, (17, 33, 65), 5000
"""Observations below which none is made; nodes a coordinate, tried in turn; and the most in all."""
OFF, BEYOND, CLOSE, POINTS = 2e-3, 1.05, 0.1, 64
"""Nats; a coordinate may pass the ends of its box, which a design found, by a little; how close, and at how many points."""


class OfCoordinates:
    """An encoder as a function of phi in the place of theta.

    Arguments:
        encoder: The encoder.
    """

    def __init__(self, encoder: Encoder):
        self.encoder, self.name = encoder, encoder.name
        names = (f"phi{k}" for k in range(len(encoder.manifest["coordinates"]["centre"])))
        self.space = ParameterSpace(
            tuple(Parameter(n, "1", "a standardised coordinate", -BEYOND, BEYOND) for n in names)
        )

    def embed(self, columns: Columns) -> tuple[Tensor, Tensor]:
        """As the encoder's."""
        return self.encoder.embed(columns)

    def aligned(self, z: Tensor, e: Tensor, theta: Tensor) -> Tensor:
        """`(*,)` nats at phi `(*, K)`."""
        return self.encoder.head(z, e, theta)

    def psi(self, z: Tensor, e: Tensor, theta: Tensor) -> Tensor:
        """`(J, N)` nats at phi `(J, K)`."""
        return self.encoder.head.outer(z, e, theta)


class Table(Lazy):
    """A lazy term whose sum is read from a table; whatever is asked of each observation is asked of it.

    Arguments:
        lazy: The term.
        encoder: Its encoder.
        table: Its sum over phi.
    """

    encoder: Encoder

    def __init__(self, lazy: Lazy, encoder: Encoder, table: Tabulated):
        self.encoder, self.space, self.name, self.pairs = (
            encoder,
            lazy.space,
            lazy.name,
            lazy.pairs,
        )
        self.n, self.z, self.e = lazy.n, lazy.z, lazy.e
        self.table = table

    def values(self, theta: Tensor) -> Tensor:
        return self.table.values(self.encoder.phi(theta))

    def jet(self, theta: Tensor) -> Jet:
        return Scalar.jet(self, theta)


def tabulated(lazy: Lazy) -> Lazy:
    """The term, read from a table if it has many observations and a table of them is as good."""
    if lazy.n < FEW or not isinstance(lazy.encoder, Encoder):
        return lazy
    of = OfCoordinates(lazy.encoder)
    direct = Lazy.embedded(of, lazy.z, lazy.e, lazy.name)
    for nodes in NODES:
        if nodes ** len(of.space) > MOST:
            break
        table = tabulate(direct, nodes=nodes)
        table.error = max(table.error, _error_at_the_top(direct, table))
        if table.error <= OFF:
            return Table(lazy, lazy.encoder, table)
    return lazy


def error_of(term: Scalar) -> float | None:
    """The error in nats of the table that a term is read from; None of any other."""
    return term.table.error if isinstance(term, Table) else None


def _error_at_the_top(direct: Lazy, table: Tabulated) -> float:
    """The largest error around the largest of the table's values between its nodes."""
    low, high = (torch.from_numpy(a) for a in (table.space.low, table.space.high))
    spread = low + held_out(len(table.space), 2**12) * (high - low)
    with torch.no_grad():
        top = spread[table.values(spread).argmax()]
        near = top + CLOSE * (2 * held_out(len(table.space), POINTS) - 1)
        near = torch.minimum(torch.maximum(near, low), high)
        return float((table.values(near) - direct.values(near)).abs().max())
