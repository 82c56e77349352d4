"""What a head is trained on, how, and what its training saw.

Rows may be the points of a Sobol' sequence (`addend.sobol`). A batch then takes blocks of consecutive rows, each of which
covers the law of theta and x evenly by itself, so that most of the noise of the gradient cancels within it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

HELD_OUT = 0.1
"""The share of rows held out."""


@dataclass(frozen=True)
class Training:
    """Settings of the loop, the `finetune` section of a modality's params.yaml.

    Arguments:
        seed: Seed of the weights and of the order of rows.
        steps: Steps of each phase.
        batch: Rows of a step, in each phase.
        rate: Peak learning rate of each phase.
        clip: Largest norm of the gradient.
    """

    seed: int
    steps: tuple[int, ...]
    batch: tuple[int, ...]
    rate: tuple[float, ...]
    clip: float = 5.0


@dataclass(frozen=True)
class Rows:
    """What a head is trained on: z `(N, Z)`, e `(N, E)`, phi `(N, K)`; blocks of `block` rows stay together."""

    z: Tensor
    e: Tensor
    phi: Tensor
    block: int = 1

    def __len__(self) -> int:
        return len(self.z)

    def to(self, device: str) -> "Rows":
        """The same rows elsewhere."""
        return Rows(self.z.to(device), self.e.to(device), self.phi.to(device), self.block)

    def split(self, share: float = HELD_OUT) -> tuple["Rows", "Rows"]:
        """The rows to train on and those held out, the last `share` of them and more: blocks stay whole, and so do pairs."""
        kept = int((1 - share) * len(self))
        unit = next((b for b in (self.block, 2) if b <= kept), 1)
        kept -= kept % unit
        return self._part(slice(0, kept)), self._part(slice(kept, None))

    def _part(self, rows: slice) -> "Rows":
        return Rows(self.z[rows], self.e[rows], self.phi[rows], self.block)

    def batches(self, size: int, generator: torch.Generator) -> Iterator[Tensor]:
        """Row indices of one batch after another, without end, each epoch in a new order; a last block cut short is left out."""
        within = torch.arange(min(self.block, len(self.z)))
        blocks = len(self.z) // len(within)
        size = min(max(1, size // len(within)), blocks)
        while True:
            order = torch.randperm(blocks, generator=generator)
            for start in range(0, blocks - size + 1, size):
                yield (order[start : start + size, None] * len(within) + within).flatten()


@dataclass
class History:
    """What a training saw, in nats.

    Arguments:
        loss: (step, mean loss since the last entry).
        held_out: (step, mean loss of the rows held out); empty without any.
        kept: The step of each phase whose weights went on.
    """

    loss: list[tuple[int, float]] = field(default_factory=list)
    held_out: list[tuple[int, float]] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
