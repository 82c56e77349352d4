r"""g_m as the modality states it: a network of its own, in place of one of the kinds here.

Where physics says how psi follows from z, a network that is that formula, perhaps with a few weights to train, keeps more of
the information than one that has to learn it from simulations. The modality writes it as a torch module

    network(z (B, Z), e (B, E), phi (B, K))  ->  psi (B,)        [nats, up to c(x)]

row by row; it travels in the artifact as a program (`addend.program`), like f_m. What it claims is known up to a constant of
each observation: neither is exp(psi) a density in z, nor has it a mean over some reference. So it is trained by comparing
psi of a row at its own theta with psi at the thetas of the other rows, where c(x) cancels (InfoNCE, arXiv:1807.03748):

    loss = -E[ psi(z_i; theta_i) - log (1/B) sum_j exp psi(z_i; theta_j) ].
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .base import Build, Head

CANDIDATES = 64
"""The most thetas that a row is compared at: every pair of a large batch would be more than its memory."""


class AsStated(nn.Module):
    """A network of coordinates as the modality states them, made one of coordinates in half-widths of the support.

    Arguments:
        network: psi `(B,)` of z, e and the modality's own coordinates `(B, K)`.
        box: Their `centre` and `half`.
    """

    centre: Tensor
    width: Tensor

    def __init__(self, network: nn.Module, box: Mapping[str, Sequence[float]]):
        super().__init__()
        self.network = network
        self.register_buffer("centre", torch.tensor(box["centre"], dtype=torch.float64))
        self.register_buffer("width", torch.tensor(box["half"], dtype=torch.float64))

    def forward(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """psi `(B,)` in nats."""
        psi: Tensor = self.network(z, e, phi * self.width + self.centre)
        return psi


class Stated(Head):
    """A modality's own g_m.

    Arguments:
        network: psi `(B,)` of z `(B, Z)`, e `(B, E)`, phi `(B, K)`; a program once it is loaded.
    """

    kind = "stated"
    normalised = False
    anchored = False

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def config(self) -> dict[str, Any]:
        """Nothing: what it does is its program."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any], build: Build) -> Head:
        """It is none without its program, which `heads.loading` reads."""
        raise NotImplementedError("a stated head is read from its program")

    def forward(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """psi `(*,)` in nats; z `(*, Z)`, e `(*, E)`, phi `(*, K)`, broadcast over `*`."""
        shape = torch.broadcast_shapes(*(a.shape[:-1] for a in (z, e, phi)))
        rows = (a.expand(*shape, a.shape[-1]).reshape(-1, a.shape[-1]) for a in (z, e, phi))
        psi: Tensor = self.network(*rows)
        return psi.reshape(shape)

    def loss(
        self, z: Tensor, e: Tensor, phi: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """The comparison loss in nats, each row against the thetas of at most `CANDIDATES` rows, its own among them."""
        others = max(1, min(CANDIDATES, len(z)) - 1)
        shifts = torch.arange(others + 1, device=z.device)
        rows = (torch.arange(len(z), device=z.device) + shifts[:, None]) % len(z)
        psi = self(z[None], e[None], phi[rows])
        return (psi.logsumexp(0) - math.log(len(rows)) - psi[0]).mean()
