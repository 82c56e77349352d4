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


AT_ONCE = 1024
"""Rows that are summarised together."""


@dataclass(frozen=True)
class Part:
    """A shard of a set, of which the first `taught` rows teach and those up to `rows` are held out."""

    set: ObservationSet
    shard: int
    taught: int
    rows: int

    def read(self) -> Columns:
        """Its columns."""
        return self.set.read(self.shard)


@dataclass(frozen=True)
class Stream:
    """The first rows of the train pool of a modality, and whole sets without labels, as f_m is trained on them.

    Arguments:
        pool: The set of simulations.
        modality: Whose schema and parameters it has.
        phi: theta `(N, D)` to standardised coordinates `(N, K)`; None where nobody asks for theta.
        rows: How many of the pool's rows it has.
        unlabelled: Sets of observations whose theta nobody knows.
    """

    pool: ObservationSet
    modality: Modality
    phi: Callable[[Tensor], Tensor] | None
    rows: int
    unlabelled: tuple[ObservationSet, ...] = ()

    @property
    def parts(self) -> list[Part]:
        """The shards that it reads; the last rows of each are held out."""
        found: list[tuple[ObservationSet, int, int]] = []
        left = self.rows
        while left > 0:
            n = min(left, self.pool.shards[len(found)].n)
            found.append((self.pool, len(found), n))
            left -= n
        found += [(s, k, shard.n) for s in self.unlabelled for k, shard in enumerate(s.shards)]
        most = max(1, MOST // len(found))
        return [Part(of, k, n - min(most, int(HELD_OUT * n)), n) for of, k, n in found]

    @property
    def taught(self) -> list[int]:
        """How many rows of each shard teach."""
        return [part.taught for part in self.parts]

    def held(self) -> Batch:
        """The rows that teach nothing."""
        ends = (slice(part.taught, part.rows) for part in self.parts)
        parts = [self.open(k)(rows) for k, rows in enumerate(ends)]
        x, c, phi = (torch.cat(each) for each in zip(*parts, strict=True))
        return x, c, phi

    def batches(self, size: int, seed: int, start: int = 0) -> Iterator[Batch]:
        """One batch of `size` rows after another, from the one of number `start` on; of a smaller shard, all its rows."""
        per_epoch = sum(n // min(n, size) for n in self.taught)
        epoch, skipped = divmod(start, per_epoch)
        while True:
            generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
            yield from self._epoch(size, generator, skipped)
            epoch, skipped = epoch + 1, 0

    def open(self, k: int) -> Callable[[slice | Tensor], Batch]:
        """Shard k, read: which rows of it to what they are."""
        columns, schema, phi = self.parts[k].read(), self.modality.schema, self.phi

        def rows(which: slice | Tensor) -> Batch:
            taken = {name: values[which] for name, values in columns.items()}
            x, c = (torch.from_numpy(a) for a in (schema.x(taken), schema.c(taken)))
            if phi is None:
                return x, c, torch.zeros(len(x), 0)
            theta = torch.from_numpy(theta_of(taken, self.modality.parameters))
            return x, c, phi(theta).float()

        return rows

    def through(self, f: Callable[[Tensor, Tensor], Tensor]) -> "Summaries":
        """The same with the summaries f(x, c) `(N, S)` in the place of x, made once and held in memory."""
        return Summaries(
            **vars(self), made=tuple(self._summarised(k, f) for k in range(len(self.parts)))
        )

    def _summarised(self, k: int, f: Callable[[Tensor, Tensor], Tensor]) -> Batch:
        rows, n = self.open(k), self.parts[k].rows
        made = []
        for start in range(0, n, AT_ONCE):
            x, c, phi = rows(slice(start, min(n, start + AT_ONCE)))
            made.append((f(x, c), torch.zeros(len(x), 0), phi))
        x, c, phi = (torch.cat(each) for each in zip(*made, strict=True))
        return x, c, phi

    def _epoch(self, size: int, generator: torch.Generator, skipped: int) -> Iterator[Batch]:
        taught = self.taught
        for k in torch.randperm(len(taught), generator=generator).tolist():
            order = torch.randperm(taught[k], generator=generator)
            own = min(size, len(order))
            count = len(order) // own
            if skipped >= count:
                skipped -= count
                continue
            rows = self.open(k)
            for b in range(skipped, count):
                yield rows(order[b * own : (b + 1) * own].sort().values)
            skipped = 0


@dataclass(frozen=True)
class Summaries(Stream):
    """A stream whose rows are few numbers each, all in memory.

    Arguments:
        made: Summaries `(n, S)`, no covariates `(n, 0)`, and phi of the rows of each shard.
    """

    made: tuple[Batch, ...] = ()

    def open(self, k: int) -> Callable[[slice | Tensor], Batch]:
        def rows(which: slice | Tensor) -> Batch:
            x, c, phi = (each[which] for each in self.made[k])
            return x, c, phi

        return rows
