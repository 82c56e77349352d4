"""Which object pulls the answer: where theta_hat goes as each observation, shard and modality is weighed less.

    addend influence <fusion> [--out influence.csv]

The shift is -influence / sigma, to first order in the weight that is taken away (`addend.maximum.influence`). One of many
rows left out moves theta_hat that far; one of a few, or a modality, rather farther: the report's leave-one-out fits again.
sigma is the curvature's.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .. import places, settings
from ..durable import written_beside
from ..errors import NoObservations
from ..fusion.terms import TERMS, Terms, read_terms
from ..maximum.fit import Fit
from ..maximum.influence import influence as influence_on
from ..maximum.modes import maximise
from .logl import require_place

MOST = 5


@dataclass(frozen=True)
class Pull:
    """What moves theta_hat: a row of a modality, counted from 1, or a shard, a modality or a constraint as a whole.

    Arguments:
        term: The modality or constraint.
        shard: Its shard; empty for all of them.
        row: The row within the modality's set; None for all.
        shift: Of theta_hat in standard errors `(D,)`, as it is left out, to first order.
    """

    term: str
    shard: str
    row: int | None
    shift: np.ndarray

    @property
    def what(self) -> str:
        """Its name."""
        return (
            f"{self.term} {self.shard}".strip()
            if self.row is None
            else f"{self.term} row {self.row}"
        )


def influence(fusion: str, out: Path | None = None) -> str:
    """The modalities and the rows that pull most on each parameter, as text; everything into `out`, as CSV.

    Raises:
        NoObservations: The fusion's terms have not been evaluated.
        BadSetting: There is no such fusion, or `out` cannot be written.
        NotInterior: theta_hat is at a bound, or S is flat in some direction.
    """
    torch.set_num_threads(1)
    require_place(out)
    asked = settings.fusion(places.ROOT, fusion)
    if not (places.fusion(fusion, "terms") / TERMS).exists():
        raise NoObservations(
            f"the terms of fusion '{fusion}' have not been evaluated",
            f"run 'dvc repro report@{fusion}'",
        )
    terms = read_terms(fusion)
    fit = maximise(terms.scalar, asked.seed)
    found = list(pulls(terms, fit))
    if out is not None:
        _write(fit.space.names, found, Path(out))
    heading = (
        f"Where theta_hat of '{fusion}' goes as this is left out: standard errors, to first order"
    )
    return "\n".join([heading, *_lines(fit.space.names, found)])


def pulls(terms: Terms, fit: Fit) -> Iterator[Pull]:
    """Every term as a whole, then every shard of a modality, then every row."""
    found = influence_on(terms.scalar, fit)
    sigma = fit.std.numpy()
    for name, total in found.modalities.items():
        yield Pull(name, "", None, -total.numpy() / sigma)
    for name in terms.used:
        rows, start = -found.observations[name].numpy() / sigma, 0
        for shard in terms.facts[name]["shards"]:
            yield Pull(name, shard["name"], None, rows[start : start + shard["n"]].sum(axis=0))
            yield from (
                Pull(name, shard["name"], i + 1, rows[i]) for i in range(start, start + shard["n"])
            )
            start += shard["n"]


def _lines(names: tuple[str, ...], found: list[Pull]) -> Iterator[str]:
    groups = (
        [p for p in found if p.row is None and not p.shard],
        [p for p in found if p.row is not None],
    )
    for d, name in enumerate(names):
        yield f"\n{name}"
        for group in groups:
            for pull in sorted(group, key=lambda p: -abs(p.shift[d]))[:MOST]:
                yield f"  {pull.shift[d]:+7.3f}  {pull.what}"


def _write(names: tuple[str, ...], found: list[Pull], out: Path) -> None:
    with written_beside(out) as temporary, temporary.open("w", newline="") as handle:
        rows = csv.writer(handle, lineterminator="\n")
        rows.writerow(["term", "shard", "row", *names])
        rows.writerows(
            [p.term, p.shard, "" if p.row is None else p.row, *(f"{v:.6g}" for v in p.shift)]
            for p in found
        )
