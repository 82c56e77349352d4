"""The gate before a sum: do two modalities say independent things of theta?

    addend independence <modality> <table.csv> <modality> <table.csv> [--theta points.csv]

S adds log p(x_a | theta) and log p(x_b | theta) as if, theta and covariates given, x_a told nothing about x_b. Where both
saw one object, one night or one patch of sky that is a claim, and pairs can refute it. Row i of the two tables is a
pair: of real data, all at the one theta of nature; or simulated with whatever the two might share, and then
`points.csv` has the theta of every pair. Both go through the champions' f_m; what is left of z once theta and each
row's own covariates are taken out is compared with re-pairings at the same theta (`calibration.independence`). Re-pairing
leaves alone whatever is the same in all pairs, an offset of one calibrator as much as theta itself: it is not tested.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from .. import places
from ..calibration.independence import Independence, Pairs, check_independence, unexplained
from ..champions import champion
from ..encoder import Encoder
from ..errors import BadTable
from ..modality import Columns, find
from ..parameters import ParameterSpace, read_agreement
from ..table import read_points, read_table

SEED = 1


def independence(
    names: Sequence[str], tables: Sequence[Path], theta: Path | None, false_alarm: float = 0.05
) -> Independence:
    """What the gate finds on two tables whose rows are pairs.

    Arguments:
        names: Two modalities with a champion; one modality seen twice is named twice.
        tables: A table of each, as `ingest` takes it.
        theta: A table with a column for every parameter of either, a pair a row; None where all pairs have one theta.
        false_alarm: How often independent modalities may be found coupled.

    Raises:
        BadTable: Tables that differ in length.
        TooFewSimulations: Too few pairs to tell.
        DefinitionMismatch: A parameter that means one thing to one encoder and another to the other.
        The named errors of `ingest` and of `logl`.
    """
    torch.set_num_threads(1)
    columns = [_read(name, path) for name, path in zip(names, tables, strict=True)]
    encoders = [Encoder.load(champion(name)) for name in names]
    space = encoders[0].space | encoders[1].space
    points = (
        None
        if theta is None
        else read_points(Path(theta), space, read_agreement(places.ROOT).names)
    )
    _require_pairs([*map(_rows, columns), *([] if points is None else [len(points)])])
    return check_independence(
        pair(encoders, columns, space, points), np.random.default_rng(SEED), false_alarm
    )


def pair(
    encoders: Sequence[Encoder],
    columns: Sequence[Columns],
    space: ParameterSpace,
    theta: np.ndarray | None,
) -> Pairs:
    """N pairs: z of either free of theta `(N, D)`, columns as in `space`, and of its own covariates.

    A covariate that both have, with one value in every pair, is one thing that both may depend on, as theta is.
    """
    n = _rows(columns[0])
    theta = np.zeros((n, len(space))) if theta is None else theta
    z = []
    for encoder, own in zip(encoders, columns, strict=True):
        made, e = (part.numpy() for part in encoder.embed(own))
        z.append(
            unexplained(
                np.concatenate([theta[:, space.index(encoder.space.names)], e], axis=1), made
            )
        )
    a, b = (
        {f.name: own[f.name] for f in encoder.schema.covariates}
        for encoder, own in zip(encoders, columns, strict=True)
    )
    common = [
        a[name].reshape(n, -1) for name in a if name in b and np.array_equal(a[name], b[name])
    ]
    return Pairs((encoders[0].name, encoders[1].name), np.concatenate([theta, *common], axis=1), *z)


def said(found: Independence) -> str:
    """What the gate found, the numbers first."""
    free, coupled = (
        "No coupling from pair to pair was found. What all pairs have in common, such as one offset, pairs cannot show.",
        "They are coupled: their sum is over-confident.",
    )
    linear, learned = f"{found.correlation:.2g}", f"{found.classifier:.2g}"
    return "\n".join([
        f"{found.names[0]} and {found.names[1]}, {found.n:,} pairs",
        f"  residual correlation  {found.correlations[0]:.3f}, above {found.edge:.3f} by chance in one case of twenty",
        f"  p-value               {found.p_value:.2g}, twice the smaller of correlation {linear} and classifier {learned}",
        f"  false-alarm rate      {found.false_alarm:g}",
        coupled if found.fires else free,
    ])  # fmt: skip


def _read(name: str, path: Path) -> Columns:
    modality = find(name)
    return modality.read(read_table(Path(path), modality.table))


def _rows(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def _require_pairs(rows: Sequence[int]) -> None:
    if len(set(rows)) > 1:
        what = f"the tables have {', '.join(map(str, rows))} rows, expected as many in each"
        raise BadTable(what, "give every pair its row in all of them")
