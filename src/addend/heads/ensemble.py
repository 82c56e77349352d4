r"""Several densities trained alike but for their seeds, as one: the mean of the densities.

    psi = log (1/K) sum_k exp psi_k

It is normalised because its members are, and its expected log score is at least the mean of theirs (Jensen). What it
averages out is what the initial weights and the order of training leave to chance; an error that the members share, above
all the noise of the simulations that all are trained on, it keeps. One bad member spoils it.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import BadSetting
from .base import Build, Head


class Ensemble(Head):
    """The mean of K densities.

    Arguments:
        members: The heads, all normalised, which it takes over.
    """

    kind = "ensemble"
    normalised = True
    members: Any

    def __init__(self, members: Iterable[Head]):
        super().__init__()
        self.members = nn.ModuleList(members)
        odd: set[Any] = {head.kind for head in self.members if not head.normalised}
        if odd or not len(self.members):
            what = f"{', '.join(sorted(odd))} among them" if odd else "none"
            raise BadSetting(
                f"an ensemble's members are densities, found {what}",
                "give it heads that are normalised, such as flows",
            )

    @property
    def whole(self) -> tuple[int, ...]:
        """As each member's."""
        whole: tuple[int, ...] = self.members[0].whole
        return whole

    @classmethod
    def from_config(cls, config: dict[str, Any], build: Build) -> "Ensemble":
        """The ensemble that `config` described, of members that `build` makes."""
        return cls(build(**member) for member in config["members"])

    def config(self) -> dict[str, Any]:
        """What `from_config` takes."""
        return {"members": [head.as_dict() for head in self.members]}

    def forward(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """log of the mean density `(*,)` in nats; z `(*, Z)`, e `(*, E)`, phi `(*, K)`."""
        return _pooled([head(z, e, phi) for head in self.members])

    def pairs(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """psi `(N,)` in nats, row by row."""
        return _pooled([head.pairs(z, e, phi) for head in self.members])

    def outer(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """psi `(J, N)` of every theta with every observation."""
        return _pooled([head.outer(z, e, phi) for head in self.members])

    def loss(
        self, z: Tensor, e: Tensor, phi: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """The mean of the members' losses: each is trained as if it were alone."""
        return torch.stack([head.loss(z, e, phi, generator) for head in self.members]).mean()

    def phases(self) -> list[list[nn.Parameter]]:
        """The members' phases, side by side."""
        together = zip(*(head.phases() for head in self.members), strict=True)
        return [[weight for group in groups for weight in group] for groups in together]

    def enter(self, phase: int, fraction: float) -> None:
        """Tells the members."""
        for head in self.members:
            head.enter(phase, fraction)

    def finish(self) -> None:
        """Tells the members."""
        for head in self.members:
            head.finish()


def _pooled(psi: list[Tensor]) -> Tensor:
    return torch.stack(psi).logsumexp(0) - math.log(len(psi))
