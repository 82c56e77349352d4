r"""S of many observations as a table in the few coordinates that its encoder reads theta through.

    S_m(theta) = sum_i g_m(z_i; phi(theta))  =  sum_k a_k prod_d T_{k_d}(x_d),        x in [-1, 1]^K over a box of phi

Whoever looks for a maximum, draws a posterior or walks a profile asks S some eighty thousand times, and the table is asked
instead. It is of the sum, so its cost does not grow with N; it is smooth where the head is, and its error falls geometrically
in the nodes (Trefethen, ATAP, chapter 8). The box is what holds every phi at which S is within `DEEP` of its largest value:
over a whole support S runs over thousands of nats, which nobody asks about (500 supernovae want 65 nodes a coordinate there
for 0.002 nat, and 17 in their box for 2e-12). Beyond it every observation is asked. The error is measured at points between
the nodes, all over the box and closely around the best of them, and a table that is off by more than `OFF` is not used. Its
scores one by one are those of the observations in any case.

Of a head with a student (`heads.Distilled`) that reaches N observations the table is of the student's sum, a vector and a count:
f of each observation is asked once, and psi of none.
"""

import torch
from torch import Tensor

from ..encoder import Encoder
from ..heads import Distilled, Head
from ..maximum.modes import maximise
from ..numerics.designs import held_out, lattice
from ..parameters import Parameter, ParameterSpace
from ..scalar import Jet, Lazy, Reduced, Scalar, Slope, Statistic, Tabulated, tabulate
from ..schema import Columns

FEW, NODES, MOST = 48, (17, 33, 65, 97), 10_000
"""Numbers of z below which none is made; nodes a coordinate, tried in turn; and the most in all."""
DEEP, ACROSS, PUSHES, NARROW = 30.0, 17, 12, 1e-3
"""Nats that a box holds at least; points a coordinate that look for it; how often its ends are moved; the least error."""
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
        direct: Its sum over phi, of every observation.
        table: The same in a box.
        reduced: Whether the table is of the head's student, so that no observation was asked.
    """

    encoder: Encoder

    def __init__(
        self, lazy: Lazy, encoder: Encoder, direct: Lazy, table: Tabulated, reduced: bool = False
    ):
        self.encoder, self.space, self.name, self.pairs = (
            encoder,
            lazy.space,
            lazy.name,
            lazy.pairs,
        )
        self.n, self.z, self.e = lazy.n, lazy.z, lazy.e
        self.direct, self.table, self.reduced = direct, table, reduced

    def values(self, theta: Tensor) -> Tensor:
        phi = self.encoder.phi(theta)
        low, high = ends(self.table.space)
        s = self.table.values(phi.clamp(low, high))
        beyond = ((phi.detach() < low) | (phi.detach() > high)).any(dim=1)
        if beyond.any():
            s = s.clone()
            s[beyond] = self.direct.values(phi[beyond])
        return s

    def jet(self, theta: Tensor) -> Jet:
        return Scalar.jet(self, theta)

    def slope(self, theta: Tensor) -> Slope:
        return Scalar.slope(self, theta)


def tabulated(lazy: Lazy) -> Lazy:
    """The term, read from a table if it has many observations and a table of them is as good."""
    if lazy.z.numel() < FEW or not isinstance(lazy.encoder, Encoder):
        return lazy
    of = OfCoordinates(lazy.encoder)
    tried = [nodes for nodes in NODES if nodes ** len(of.space) <= MOST]
    if not tried:
        return lazy
    direct = Lazy.embedded(of, lazy.z, lazy.e, lazy.name)
    asked = reduced(lazy.encoder.head, of.space, lazy)
    low, high = box(asked or direct)
    for nodes in tried:
        table = tabulate(asked or direct, low, high, nodes)
        table.error = max(table.error, _error_at_the_top(asked or direct, table))
        if table.error <= OFF:
            return Table(lazy, lazy.encoder, direct, table, reduced=asked is not None)
    return lazy


def reduced(head: Head, space: ParameterSpace, lazy: Lazy) -> Reduced | None:
    """The sum over phi by the head's student, a vector and a count; None if it has none that reaches as many observations."""
    if not isinstance(head, Distilled) or lazy.n > float(head.reach):
        return None
    student, box = head.student, dict.fromkeys(space.names, (-1.0, 1.0))
    *t, _ = student.statistic(lazy.z, lazy.e)
    return Reduced(
        space.within(box),
        Statistic(torch.stack(t), lazy.n),
        lambda phi: student.natural(phi)[0],
        lambda phi: student.natural(phi)[1],
        lazy.name,
    )


def ends(space: ParameterSpace) -> tuple[Tensor, Tensor]:
    """Of a support, `(K,)` each."""
    return torch.from_numpy(space.low), torch.from_numpy(space.high)


def box(direct: Scalar) -> tuple[Tensor, Tensor]:
    """Ends `(K,)` of what holds the points at which the sum is within `DEEP` of its maximum.

    First so far from every mode as a parabola falls by that; then an end is moved out as long as a lattice finds such points
    on it, and at last to where the outermost are. A ridge too thin for the lattice may leave the box, where every observation
    is asked: that costs time alone.
    """
    least, most = ends(direct.space)
    fit = maximise(direct)
    modes = torch.stack([mode.theta for mode in fit.modes])
    away = torch.minimum((2 * DEEP) ** 0.5 * fit.std.clamp(min=NARROW), most - least)
    low, high = (
        (modes.min(0).values - away).clamp(least, most),
        (modes.max(0).values + away).clamp(least, most),
    )
    unit = lattice(*[torch.linspace(0, 1, ACROSS, dtype=torch.float64)] * len(low))
    for _ in range(PUSHES):
        wide = high - low
        with torch.no_grad():
            held = unit[direct.values(low + unit * wide) > fit.value - DEEP]
        down, up = ((held == edge).any(dim=0) for edge in (0, 1))
        pushed = (low - wide * down).clamp(min=least), (high + wide * up).clamp(max=most)
        if torch.equal(torch.stack(pushed), torch.stack([low, high])):
            break
        low, high = pushed
    if len(held) < 2 * ACROSS:
        return low, high
    step = wide / (ACROSS - 1)
    least, most = low + held.min(0).values * wide - step, low + held.max(0).values * wide + step
    return torch.maximum(low, least), torch.minimum(high, most)


def error_of(term: Scalar) -> float | None:
    """The error in nats of the table that a term is read from; None of any other."""
    return term.table.error if isinstance(term, Table) else None


def _error_at_the_top(direct: Scalar, table: Tabulated) -> float:
    """The largest error around the largest of the table's values between its nodes."""
    low, high = ends(table.space)
    spread = low + held_out(len(low), 2**12) * (high - low)
    with torch.no_grad():
        top = spread[table.values(spread).argmax()]
        near = top + CLOSE * (high - low) * (held_out(len(low), POINTS) - 0.5)
        near = near.clamp(low, high)
        return float((table.values(near) - direct.values(near)).abs().max())
