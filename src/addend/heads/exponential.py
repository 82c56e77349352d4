r"""An exponential family: psi(x; theta) = <f(x), omega(theta)> - b(theta), so that a data set is one vector and a count.

    S(theta) = sum_i psi(x_i; theta) = <s, omega(theta)> - N b(theta),          s = sum_i f(x_i).

The statistic (s, N) adds over observations and shards; once it is summed, a theta costs the same whatever N is. By the
theorem of Pitman, Koopman and Darmois this is exact in a fixed dimension d for exponential families alone; for other laws
d trades size for accuracy, and the head records what it leaves out.

omega and b interpolate on a tensor grid over the box [-1, 1]^K of phi and mean nothing outside it. f is a small network of
(z, e). None of it is trained from draws: by InfoNCE such a head is left with biases of several standard errors at
N = 10^4, whereas fitted to a `flow` or a `ratio` it adds almost nothing to its teacher. See `addend.heads.distil`.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ..errors import BadSetting, UnfitHead
from ..numerics import chebyshev
from ..numerics.designs import lattice
from .base import Head
from .categorical import indicators, levels

LARGEST_GRID = 20_000
MARGIN = 1e-3
ROWS = 1024  # of a sum: few enough for the hidden layers to stay in the cache


class Exponential(Head):
    """A truncated expansion of a teacher's psi.

    Arguments:
        observables, covariates: The sizes Z and E of z and e.
        grid: One entry for each coordinate of theta: a number of Chebyshev nodes, or `{"levels": n}` for an index whose n
            values are evenly spaced from -1 to 1.
        features: The number of features d.
        hidden: Widths of the two hidden layers of f.

    Attributes:
        left_out: Root mean square of psi - teacher over held-out observations, each centred and weighted by its own
            posterior: the mean over observations and the 95 % quantile, in nats per observation. NaN before distillation.
    """

    kind = "exponential"
    normalised = False

    def __init__(self, observables: int, covariates: int, grid, features: int, hidden=(64, 64)):
        super().__init__()
        self.observables, self.covariates = observables, covariates
        self.grid, self.features, self.hidden = list(grid), features, list(hidden)
        self.f = Features(observables + covariates, self.hidden, features)
        m = len(self.nodes())
        self.register_buffer("omega", torch.zeros(m, features, dtype=torch.float64))
        self.register_buffer("b", torch.zeros(m, dtype=torch.float64))
        self.register_buffer("left_out", torch.full((2,), torch.nan, dtype=torch.float64))

    def config(self) -> dict:
        """The arguments that rebuild this head."""
        return {
            "observables": self.observables, "covariates": self.covariates, "grid": self.grid,
            "features": self.features, "hidden": self.hidden,
        }  # fmt: skip

    def forward(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """psi `(*,)` in nats, up to a constant of each x; z `(*, Z)`, e `(*, E)`, phi `(*, K)`."""
        omega, b = self.natural(phi)
        return (self.f(z, e) * omega).sum(-1) - b

    def outer(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """psi `(J, N)` of every theta with every observation."""
        omega, b = self.natural(phi)
        return omega @ self.f(z, e).mT - b[:, None]

    def natural(self, phi: Tensor) -> tuple[Tensor, Tensor]:
        """omega `(*, d)` and b `(*,)` at `phi (*, K)`; differentiable."""
        basis = self.basis(phi)
        return basis @ self.omega.to(phi), basis @ self.b.to(phi)

    def statistic(self, z: Tensor, e: Tensor) -> Tensor:
        """The sum of f over N observations, and N: `(d + 1,)` in float64. Statistics add."""
        s = self.f.total(z, e)
        return torch.cat([s, s.new_tensor([len(z)])])

    def evaluate(self, statistic: Tensor, phi: Tensor) -> Tensor:
        """S `(*,)` in nats of the observations behind a statistic, at `phi (*, K)`; differentiable in phi.

        The values at the nodes are interpolated along one axis after the other, without the basis `(*, M)` of all of them.
        """
        values = self.omega.to(statistic) @ statistic[:-1] - self.b.to(statistic) * statistic[-1]
        for cardinal in self.cardinals(phi.to(statistic)):
            values = (cardinal[..., None, :] @ values.unflatten(-1, (cardinal.shape[-1], -1)))[
                ..., 0, :
            ]
        return values[..., 0]

    def loss(
        self, z: Tensor, e: Tensor, phi: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """There is none: raises `UnfitHead`."""
        raise UnfitHead(
            "an exponential head is not trained from draws, which would leave a bias of several standard errors at N = 10^4",
            "train a flow or a ratio and distil it with addend.heads.distil",
        )

    def nodes(self) -> Tensor:
        """The grid `(M, K)`, coordinates in [-1, 1]."""
        axes = [_nodes(axis) for axis in self.grid]
        size = math.prod(len(a) for a in axes)
        if size > LARGEST_GRID:
            raise BadSetting(
                f"a grid of {' x '.join(str(len(a)) for a in axes)} has {size} nodes, expected at most {LARGEST_GRID}",
                "use fewer nodes a coordinate, or fewer coordinates",
            )
        return lattice(*axes)

    def cardinals(self, phi: Tensor) -> list[Tensor]:
        """The cardinal functions `(*, n)` of each axis at `phi (*, K)`; NaN outside the box."""
        phi = torch.where(phi.abs() <= 1 + MARGIN, phi, torch.nan)
        return [_cardinal(phi[..., k], axis) for k, axis in enumerate(self.grid)]

    def basis(self, phi: Tensor) -> Tensor:
        """Their products `(*, M)` at `phi (*, K)`: one at their own node, zero at the others; NaN outside the box."""
        product = phi.new_ones(*phi.shape[:-1], 1)
        for cardinal in self.cardinals(phi):
            product = (product[..., :, None] * cardinal[..., None, :]).flatten(-2)
        return product


class Features(nn.Module):
    """f: two hidden layers of the standardised inputs, then one linear map of the second and of the inputs.

    Arguments:
        inputs: The number of columns of (z, e).
        hidden: Widths of the two hidden layers.
        features: The number of features d.
    """

    def __init__(self, inputs: int, hidden: list[int], features: int):
        super().__init__()
        self.register_buffer("centre", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(inputs))
        self.first, self.second = nn.Linear(inputs, hidden[0]), nn.Linear(hidden[0], hidden[1])
        self.last = nn.Linear(hidden[1] + inputs, features)

    def layers(self, z: Tensor, e: Tensor) -> Tensor:
        """What the last map is linear in: the second hidden layer and the standardised inputs `(*, H + Z + E)`."""
        x = (torch.cat([z, e], -1) - self.centre) / self.scale
        return torch.cat([silu(self.second(silu(self.first(x)))), x], -1)

    def forward(self, z: Tensor, e: Tensor) -> Tensor:
        """f `(*, d)` of z `(*, Z)` and e `(*, E)`."""
        return self.last(self.layers(z, e))

    def total(self, z: Tensor, e: Tensor) -> Tensor:
        """The sum of f over N observations `(d,)`, in float64: sum_i f(x_i) = W sum_i layers(x_i) + N b."""
        rows = zip(z.split(ROWS), e.split(ROWS), strict=True)
        total = sum(self.layers(*some).sum(0, dtype=torch.float64) for some in rows)
        return self.last.weight.double() @ total + len(z) * self.last.bias.double()


def _nodes(axis) -> Tensor:
    if isinstance(axis, dict):
        return levels(axis["levels"])
    return chebyshev.nodes(axis)


def _cardinal(x: Tensor, axis) -> Tensor:
    """The cardinal functions `(*, n)` of one axis: Lagrange polynomials, or indicators of levels."""
    if isinstance(axis, dict):
        return indicators(x, axis["levels"])
    return chebyshev.cardinals(x, axis)
