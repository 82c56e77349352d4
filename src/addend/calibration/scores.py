"""The score of psi, grad psi, at fresh simulations; and what it says of the true score, where that can be written down.

An f_m that loses nothing has psi = log p, whose score is the true one. What part of the true score's variance psi cannot tell, it
or its f_m has lost (methods D4): the true score is regressed on that of psi, over all cells together.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..encoder import Encoder
from ..modality import Columns, Modality
from ..parameters import ParameterSpace
from ..scalar.jet import differentiate
from .information import ScoreRegression
from .score import ScoreMoments

ROWS = 2**12
STEP = 1e-4
"""Of central differences, in parts of the support: their error is 1e-8 of the third derivative's."""


def lossless(encoder: Encoder) -> bool:
    """Whether f_m was shown to be invertible: it says so, and its log|det| was held to its Jacobian (`pretrain.Backbone`)."""
    return bool(encoder.manifest["invertible"] and encoder.manifest.get("log_det", False))


def score(
    encoder: Encoder, modality: Modality, cells: np.ndarray, n: int, rng: np.random.Generator
) -> tuple[ScoreMoments, ScoreRegression | None]:
    """The moments of grad psi from n fresh simulations at each cell, and what they say of the true score where it is known.

    grad log p is known where the modality states log p, and worth asking where f_m may lose something. Large observations are
    drawn a few thousand at a time.
    """
    index = np.repeat(np.arange(len(cells)), n)
    rows = len(index) if modality.schema.scalar else modality.schema.rows_at_once
    gradients, hessians, true = [], [], []
    for part in np.split(cells[index], range(rows, len(index), rows)):
        covariates = modality.covariates(len(part), rng)
        columns = {**modality.simulate(part, covariates, rng), **covariates}
        gradient, hessian = _derivatives(encoder, columns, part)
        gradients.append(gradient)
        hessians.append(hessian)
        if not lossless(encoder):
            true.append(true_score(modality, columns, part, encoder.space))
    found = np.concatenate(gradients), np.concatenate(hessians)
    moments = ScoreMoments.measure(encoder.space.names, cells, index, *found)
    told = [t for t in true if t is not None]
    return moments, ScoreRegression.measure(found[0], np.concatenate(told)) if told else None


def _derivatives(
    encoder: Encoder, columns: Columns, theta: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient `(N, D)` and Hessian `(N, D, D)` of psi of N observations, each at its own theta."""
    z, e = encoder.embed(columns)
    chunks = zip(*(a.split(ROWS) for a in (z, e, torch.from_numpy(theta))), strict=True)
    jets = [differentiate(_along(encoder, *rows), at) for *rows, at in chunks]
    return torch.cat([j.gradient for j in jets]).numpy(), torch.cat(
        [j.hessian for j in jets]
    ).numpy()


def true_score(
    modality: Modality, columns: Columns, theta: np.ndarray, space: ParameterSpace
) -> np.ndarray | None:
    """grad log p `(N, D)` of N observations at their theta by central differences; None where the modality states no log p."""
    found = []
    for d, width in enumerate(space.high - space.low):
        step = np.zeros(theta.shape[1])
        step[d] = STEP * width
        ends = [modality.log_likelihood(columns, theta + sign * step) for sign in (1, -1)]
        if ends[0] is None or ends[1] is None:
            return None
        found.append((ends[0] - ends[1]) / (2 * step[d]))
    return np.stack(found, axis=1)


def _along(encoder: Encoder, z: Tensor, e: Tensor) -> Callable[[Tensor], Tensor]:
    """psi `(D N,)` at theta `(D N, D)`, N rows of observations being used D times over."""

    def psi(theta: Tensor) -> Tensor:
        zs, es = (a.repeat(len(theta) // len(a), 1) for a in (z, e))
        return encoder.head.pairs(zs, es, encoder.phi(theta))

    return psi
