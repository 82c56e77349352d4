"""Rows of a pool in batches without end, of which a shard or two are in memory at once.

Every epoch goes through the shards in another order, and through the rows of each in another order, so that reading is in
sequence and a batch is mixed all the same. Order follows from the seed and the epoch alone: a training that was interrupted
goes on with the batch at which it stopped.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .modality import Modality
from .pools import theta_of
from .schema import Columns
from .shards import ObservationSet

Batch = tuple[Tensor, Tensor, Tensor]
"""x `(B, X)`, c `(B, C)` and standardised coordinates phi `(B, K)`."""
HELD_OUT, MOST = 0.1, 4096
"""The share of every shard's rows that is held out, and the most rows that are in all."""


@dataclass(frozen=True)
class Stream:
    """The first rows of the train pool of a modality, as f_m is trained on them.

    Arguments:
        pool: The set of simulations.
        modality: Whose schema and parameters it has.
        phi: theta `(N, D)` to standardised coordinates `(N, K)`.
        rows: How many of the pool's rows it has.
    """

    pool: ObservationSet
    modality: Modality
    phi: Callable[[Tensor], Tensor]
    rows: int

    @property
    def sizes(self) -> list[int]:
        """How many rows of each shard it has; the last of each are held out."""
        found: list[int] = []
        left = self.rows
        while left > 0:
            found.append(min(left, self.pool.shards[len(found)].n))
            left -= found[-1]
        return found

    @property
    def taught(self) -> list[int]:
        """How many rows of each shard teach."""
        most = max(1, MOST // len(self.sizes))
        return [n - min(most, int(HELD_OUT * n)) for n in self.sizes]

    def held(self) -> Batch:
        """The rows that teach nothing."""
        ends = enumerate(zip(self.taught, self.sizes, strict=True))
        parts = [self._batch(self.pool.read(k), slice(*end)) for k, end in ends]
        x, c, phi = (torch.cat(each) for each in zip(*parts, strict=True))
        return x, c, phi

    def batches(self, size: int, seed: int, start: int = 0) -> Iterator[Batch]:
        """One batch of `size` rows after another, from the one of number `start` on."""
        size = min(size, max(self.taught))
        per_epoch = sum(n // size for n in self.taught)
        epoch, skipped = divmod(start, per_epoch)
        while True:
            generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
            yield from self._epoch(size, generator, skipped)
            epoch, skipped = epoch + 1, 0

    def _epoch(self, size: int, generator: torch.Generator, skipped: int) -> Iterator[Batch]:
        taught = self.taught
        for k in torch.randperm(len(taught), generator=generator).tolist():
            order = torch.randperm(taught[k], generator=generator)
            count = len(order) // size
            if skipped >= count:
                skipped -= count
                continue
            columns = self.pool.read(k)
            for b in range(skipped, count):
                yield self._batch(columns, order[b * size : (b + 1) * size].sort().values)
            skipped = 0

    def _batch(self, columns: Columns, rows: slice | Tensor) -> Batch:
        taken = {name: values[rows] for name, values in columns.items()}
        schema = self.modality.schema
        x, c = (torch.from_numpy(a) for a in (schema.x(taken), schema.c(taken)))
        theta = torch.from_numpy(theta_of(taken, self.modality.parameters))
        return x, c, self.phi(theta).float()
