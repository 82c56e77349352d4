"""Hold an encoder against its simulator: everything in a record that simulations alone can tell.

At the cells of a Sobol design over the support, and with covariates of the modality's own broad law:

    score          gradient and Hessian of psi at fresh simulations of each cell's theta
    ranks, regions data sets of 1 and of N observations, their truths drawn near each cell (`neighbourhood`)
    normalisation  the integral of exp(psi) over z, by quadrature up to two real dimensions, else by importance

A record is the sum of `PARTS`, each with a generator of its own: they may be measured anywhere, in any order.

The data sets of a cell share their covariates and the points at which S is read, so that whatever of psi depends on
theta and covariates alone is computed once for all of them. Sharing leaves every rank uniform, and ties the ranks of one
group together by about one part in the number of points.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..encoder import Encoder
from ..modality import Columns, Modality
from ..numerics.chebyshev import between_nodes
from ..numerics.designs import sobol
from ..numerics.histograms import counts_around, most_around
from ..numerics.quadrature import even
from ..numerics.students import student_around
from ..parameters import ParameterSpace
from ..settings import EncoderCalibration
from . import tarp
from .coverage import Coverage, central_credibility, credibility_from_weights
from .neighbourhood import Neighbourhood
from .normalisation import Normalisation
from .ranks import Ranks, rank_from_weights
from .record import Record
from .score import ScoreMoments
from .scores import lossless, score

PARTS = 8
NODES = {1: 401, 2: 81}
ROWS, PAIRS = 2**12, 2**20
MANY, OFF = 256, 0.01
"""Observations of a data set from which on S is interpolated between few points, and the most it may be off by, in nats."""


def measure_part(
    encoder: Encoder, modality: Modality, amount: EncoderCalibration, part: int
) -> Record:
    """One of the `PARTS` of a record: the same for the same seed, and independent of the others."""
    rng = np.random.default_rng([amount.seed, part, *b"calibrate"])
    cells = cells_over(encoder.space, amount.cells, amount.seed)
    moments, kept = score(encoder, modality, cells, -(-amount.simulations // PARTS), rng)
    parts: dict[str, Any] = {"score": moments}
    if kept is not None:
        parts["kept_audit" if part % 2 else "kept_fit"] = kept
    if encoder.head.anchored:
        parts["normalisation"] = normalisation(encoder, modality, cells, rng)
    sets = -(-amount.datasets // (PARTS * amount.cells))
    for key, n in (("1", 1), ("N", amount.expected)):
        found = regions(encoder, modality, moments, n, sets, amount.points, rng)
        parts |= {f"{name}_{key}": counts for name, counts in found.items()}
    return Record(encoder.name, encoder.space.names, amount.expected, lossless(encoder), parts)


def cells_over(space: ParameterSpace, cells: int, seed: int) -> np.ndarray:
    """The cells `(K, P)`: a scrambled Sobol sequence in the support."""
    return space.from_unit(sobol(len(space), cells, seed).numpy())


def regions(
    encoder: Encoder,
    modality: Modality,
    moments: ScoreMoments,
    n: int,
    sets: int,
    points: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """`ranks`, `coverage` and `tarp` of `sets` data sets of n observations near each cell."""
    low, high, names = encoder.space.low, encoder.space.high, encoder.space.names
    near = [
        Neighbourhood.around(cell, J, n, low, high)
        for cell, J in zip(moments.cells, moments.J, strict=True)
    ]
    found = [_near(encoder, modality, prior, n, sets, points, rng) for prior in near]
    ranks, credibility, closer = (np.concatenate(a) for a in zip(*found, strict=True))
    every = np.column_stack([credibility, central_credibility(ranks)])
    return {
        "ranks": Ranks.measure(names, ranks),
        "coverage": Coverage.measure(("all together", *names), every),
        "tarp": tarp.coverage(closer),
    }


def normalisation(
    encoder: Encoder, modality: Modality, cells: np.ndarray, rng: np.random.Generator
) -> Normalisation:
    """The integral of exp(psi) over z at each cell, for one row of covariates with every observable present."""
    if not encoder.head.normalised:
        return _over_reference(encoder, modality, cells, rng)
    names, (z, e) = encoder.space.names, _simulated(encoder, modality, cells, rng)
    phi = encoder.phi(torch.from_numpy(cells))[:, None]
    if z.shape[2] in NODES and not encoder.head.whole:
        nodes, log_volume = even(z, NODES[z.shape[2]])
        psi = encoder.head(torch.from_numpy(nodes), e, phi).numpy() + log_volume[:, None]
        return Normalisation.integrate(names, cells, psi[:, None], np.ones(nodes.shape[1]))
    if encoder.head.whole and z.shape[2] == 1:
        every = torch.arange(most_around(z), dtype=torch.float64)
        psi = encoder.head(every[:, None], e, phi).numpy()
        return Normalisation.integrate(names, cells, psi[:, None], np.ones(len(every)))
    nodes, log_q = (
        np.stack(a)
        for a in zip(*(_around(rows, encoder.head.whole, rng) for rows in z), strict=True)
    )
    return Normalisation.measure(
        names, cells, encoder.head(torch.from_numpy(nodes), e, phi).numpy(), log_q
    )


def _around(
    z: np.ndarray, whole: tuple[int, ...], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """`ROWS` draws of a law around z `(n, Z)` and their log-density: Student, and a histogram of each whole number."""
    real = [d for d in range(z.shape[1]) if d not in whole]
    nodes, log_q = np.empty((ROWS, z.shape[1])), np.zeros(ROWS)
    if real:
        nodes[:, real], log_q = student_around(z[:, real], ROWS, rng)
    for d in whole:
        nodes[:, d], log_mass = counts_around(z[:, d], ROWS, rng)
        log_q = log_q + log_mass
    return nodes, log_q


def observe(
    encoder: Encoder,
    modality: Modality,
    theta: np.ndarray,
    covariates: Columns,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """z and e of one fresh observation a row; of maps and series a part is held at a time."""
    made, rows = [], modality.schema.rows_at_once
    for start in range(0, len(theta), rows):
        part = {name: values[start : start + rows] for name, values in covariates.items()}
        drawn = modality.simulate(theta[start : start + rows], part, rng)
        made.append(encoder.embed({**drawn, **part}))
    z, e = (torch.cat(each) for each in zip(*made, strict=True))
    return z, e


def _near(
    encoder: Encoder,
    modality: Modality,
    prior: Neighbourhood,
    n: int,
    sets: int,
    points: int,
    rng: np.random.Generator,
) -> tuple[Any, ...]:
    """Ranks `(T, P)`, credibility `(T,)` and fraction closer `(T,)` of T data sets near one cell."""
    truth, theta = prior.draw(sets, rng), prior.draw(points, rng)
    covariates = {
        k: np.tile(v, (sets,) + (1,) * (v.ndim - 1)) for k, v in modality.covariates(n, rng).items()
    }
    z, e = observe(encoder, modality, np.repeat(truth, n, axis=0), covariates, rng)
    s, own = _sums(encoder, z.reshape(sets, n, -1), e[:n], theta, truth)
    densities = prior.log_density(theta) + s, s, prior.log_density(truth) + own, own
    unit, at = (0.5 + prior.whitened(a) / 4 for a in (theta, truth))
    closer = tarp.fraction_closer(unit, s, at, own, tarp.references(sets, truth.shape[1], rng), rng)
    return (
        rank_from_weights(theta, s, truth, own, rng),
        credibility_from_weights(*densities, rng),
        closer,
    )


def _sums(
    encoder: Encoder, z: Tensor, e: Tensor, theta: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """S `(T, G)` of T data sets, z `(T, N, Z)` and e `(N, E)` for all, at the points, and `(T,)` each at its own truth."""
    phi, own = (encoder.phi(torch.from_numpy(t)) for t in (theta, truth))

    def at(phi: Tensor) -> Tensor:
        chunks = phi[:, None].split(max(1, PAIRS // (len(z) * len(e))))
        return torch.cat(
            [encoder.head(z[:, None], e, part).double().sum(-1) for part in chunks], dim=1
        )

    with torch.no_grad():
        s = between_nodes(at, phi, OFF) if len(e) >= MANY else at(phi)
        return s.numpy(), encoder.head(z, e, own[:, None]).double().sum(-1).numpy()


def _simulated(
    encoder: Encoder, modality: Modality, cells: np.ndarray, rng: np.random.Generator, n: int = 512
) -> tuple[np.ndarray, Tensor]:
    """n simulated z at each cell `(K, n, Z)` and the row of covariates that they share, e `(K, 1, E)`."""
    covariates = {
        k: np.repeat(v, n, axis=0) for k, v in _complete(modality, len(cells), rng).items()
    }
    z, e = observe(encoder, modality, np.repeat(cells, n, axis=0), covariates, rng)
    return z.numpy().reshape(len(cells), n, -1), e.reshape(len(cells), n, -1)[:, :1]


def _over_reference(
    encoder: Encoder, modality: Modality, cells: np.ndarray, rng: np.random.Generator
) -> Normalisation:
    """Z of a ratio: the mean of exp(psi) over its reference law, in which theta follows the prior."""
    theta = encoder.space.draw(ROWS, rng)
    z, e = observe(encoder, modality, theta, modality.covariates(ROWS, rng), rng)
    return Normalisation.measure(
        encoder.space.names, cells, encoder.psi(z, e, torch.from_numpy(cells)).numpy(), 0.0
    )


def _complete(
    modality: Modality, n: int, rng: np.random.Generator, tries: int = 64
) -> dict[str, np.ndarray]:
    """n rows of covariates at which every observable is present, as far as `tries` times as many contain them."""
    drawn = modality.covariates(tries * n, rng)
    flags = [drawn[f.present] > 0.5 for f in modality.schema.observables if f.present]
    rows = np.argsort(~np.all(flags, axis=0), kind="stable") if flags else np.arange(n)
    return {k: v[rows[:n]] for k, v in drawn.items()}
