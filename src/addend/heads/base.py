"""What every head is: a scalar function g_m(z; theta), in nats, beside the loss that trains it.

    psi_m(x; theta) = g_m(f_m(x); theta)  =  log p_m(x | theta) + c_m(x)

A head sees three arrays whose leading dimensions broadcast against each other: `z (*, Z)`, what f_m makes of the
observables; `e (*, E)`, the standardised covariates; `phi (*, K)`, the standardised coordinates of theta. Aligned rows
give pairs, crossed rows give every theta with every observation, and work that depends on one of the three alone is
done once for it.

Nothing in a head may depend on the rest of the batch (no batch statistics): psi of a sum is the sum of psi.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from zuko.nn import MLP


class Head(nn.Module, ABC):
    """A scalar function of theta for each observation.

    Class attributes:
        kind: The name under which `build` makes it.
        normalised: Whether exp(psi) integrates to one over z for every theta.
        anchored: Whether the constant c(x) of psi is known: of a density, and of a ratio to a reference law.
    """

    kind: str
    normalised: bool
    anchored: bool = True

    @property
    def whole(self) -> tuple[int, ...]:
        """The elements of z that are whole numbers, of which exp(psi) is a probability."""
        return ()

    @abstractmethod
    def forward(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """psi `(*,)` in nats of observations `z (*, Z)`, `e (*, E)` at `phi (*, K)`, broadcast over `*`."""

    @abstractmethod
    def loss(
        self, z: Tensor, e: Tensor, phi: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """The training objective, a mean over a batch of joint draws of theta and x."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Plain JSON from which `from_config` makes the same architecture."""

    @classmethod
    def from_config(cls, config: dict[str, Any], build: "Build") -> "Head":
        """The head that `config` described; `build` makes the heads inside it, if it has any."""
        return cls(**config)

    def as_dict(self) -> dict[str, Any]:
        """Its kind and its configuration: what `heads.build` takes."""
        return {"kind": self.kind, "config": self.config()}

    def phases(self) -> list[list[nn.Parameter]]:
        """Groups of weights that training takes in turn; one group of everything unless a head says otherwise."""
        return [list(self.parameters())]

    def enter(self, phase: int, fraction: float) -> None:
        """Told before each step how far the phase has come, 0 to 1; for heads that anneal something."""

    def finish(self) -> None:
        """Told once after the last step; from here on the head is what `forward` says, without annealing."""

    def pairs(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """psi `(N,)` in nats, row by row."""
        return self(z, e, phi)

    def outer(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """psi `(J, N)` in nats of every `phi (J, K)` with every observation `z (N, Z)`, `e (N, E)`."""
        return self(z[None], e[None], phi[:, None])


Build = Callable[..., Head]
"""A kind and a configuration to a head, as `heads.build`."""


class SplitMLP(nn.Module):
    """A linear map plus a SiLU network of several broadcasting inputs, whose first layers are sums of one map for each.

    The maps are applied before broadcasting, so that crossing J thetas with N observations costs J + N of them, and an
    input that is absent (size 0) leaves the result unexpanded.

    Arguments:
        sizes: The number of features of each input.
        hidden: The widths of the hidden layers.
        out: The number of outputs; they start at zero.
    """

    def __init__(self, sizes: list[int], hidden: list[int], out: int):
        super().__init__()
        self.sizes = list(sizes)
        self.first = nn.ModuleList(nn.Linear(n, hidden[0], bias=False) for n in sizes if n)
        self.skip = nn.ModuleList(nn.Linear(n, out, bias=False) for n in sizes if n)
        self.bias = nn.Parameter(torch.zeros(hidden[0]))
        self.rest = MLP(hidden[0], out, hidden_features=hidden[1:], activation=nn.SiLU)
        for weight in self.first.parameters():
            nn.init.uniform_(weight, -(sum(sizes) ** -0.5), sum(sizes) ** -0.5)
        for zero in [
            *(layer.weight for layer in self.skip),
            self.rest[-1].weight,
            self.rest[-1].bias,
        ]:
            nn.init.zeros_(zero)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Inputs `(*, n_i)`, broadcast over `*`, to `(*, out)`."""
        used = [x for x, n in zip(inputs, self.sizes, strict=True) if n]
        hidden = sum((layer(x) for layer, x in zip(self.first, used, strict=True)), self.bias)
        linear = sum(layer(x) for layer, x in zip(self.skip, used, strict=True))
        return self.rest(nn.functional.silu(hidden)) + linear
