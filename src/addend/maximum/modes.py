r"""theta_hat = argmax S, and every other local maximum worth the name. (Cranmer 2026, section 2.4.)

A screening design covers the support: a full grid for one or two parameters, 64 D Sobol points for more, all evaluated
in one batch. From the best of them that are distinct, damped Newton ascents run side by side. What they reach is merged
into local maxima, and all within six nats of the highest are reported: averaging over modes, or mentioning only the
first, is how a multi-modal answer becomes a wrong one.
"""

import torch
from torch import Tensor

from ..errors import BadSetting, NotFinite
from ..numerics.designs import lattice, sobol
from ..scalar.base import Scalar
from .cube import Cube, require_numbers
from .fit import Fit, Mode
from .newton import Ascent, ascend

DEPTH = 6.0
GRID = {1: 129, 2: 33}
SOBOL = 64


def maximise(scalar: Scalar, seed: int = 0, starts: Tensor | None = None, keep: int = 16) -> Fit:
    """The highest maximum of S in its support, with all others within six nats.

    Arguments:
        scalar: S.
        seed: Scrambles the Sobol points.
        starts: Further starts `(B, D)`, as the theta_hat of a neighbouring problem; all are climbed.
        keep: How many points of the screening design are climbed.

    Raises:
        BadSetting: S has no parameters.
        NotFinite: S is not a number somewhere, or is minus infinity everywhere.
    """
    reached, screened = ascents(scalar, seed, starts, keep)
    peaks = merge(scalar, reached)
    modes = tuple(_mode(scalar, peaks[i : i + 1]) for i in range(len(peaks.theta)))
    best = modes[0]
    return Fit(
        best.space, best.theta, best.value, best.hessian, best.pinned,
        modes, bool(peaks.converged[0]), scalar.n, screened + reached.evaluations,
    )  # fmt: skip


def ascents(scalar: Scalar, seed: int, starts: Tensor | None, keep: int) -> tuple[Ascent, int]:
    """Where ascents from the best distinct points of the design come to rest, and the size of the design."""
    if not len(scalar.space):
        raise BadSetting(
            "S has no parameters, expected at least one", "add a term that depends on theta"
        )
    theta = Cube(scalar).theta(screen(len(scalar.space), seed))
    with torch.no_grad():
        value = scalar.values(theta)
    require_numbers(scalar, theta, value)
    if not value.isfinite().any():
        raise NotFinite(
            "S is minus infinity wherever it was tried",
            "widen the support: under none of it are the data possible",
        )
    chosen = theta[distinct(Cube(scalar).unit(theta), value, keep)]
    extra = (
        theta.new_zeros(0, theta.shape[1])
        if starts is None
        else torch.as_tensor(starts, dtype=torch.float64)
    )
    return ascend(scalar, torch.cat([extra, chosen])), len(theta)


def screen(d: int, seed: int) -> Tensor:
    """Points of the unit cube that cover it, `(J, d)`."""
    if d in GRID:
        return lattice(*[(torch.arange(GRID[d], dtype=torch.float64) + 0.5) / GRID[d]] * d)
    return sobol(d, SOBOL * d, seed)


def distinct(t: Tensor, value: Tensor, keep: int, apart: float = 0.1) -> list[int]:
    """Rows of the `keep` highest values, finite and no two within `apart` of each other in the unit cube."""
    chosen: list[int] = []
    for i in torch.argsort(value, descending=True, stable=True).tolist():
        if len(chosen) == keep or not value[i].isfinite():
            break
        if all((t[i] - t[k]).abs().max() > apart for k in chosen):
            chosen.append(i)
    return chosen


def merge(scalar: Scalar, reached: Ascent) -> Ascent:
    """The distinct local maxima among the ends of several ascents, highest first, within six nats."""
    order = torch.argsort(reached.jet.value, descending=True, stable=True).tolist()
    order = [i for i in order if reached.jet.value[i] > reached.jet.value[order[0]] - DEPTH]
    groups: list[list[int]] = []
    for i in [order[0]] + [i for i in order[1:] if reached.converged[i]]:
        home = next((g for g in groups if _same(scalar, reached, g[0], i)), None)
        groups.append([i]) if home is None else home.append(i)
    return reached[[_representative(scalar, reached, g) for g in groups]]


def _same(scalar: Scalar, reached: Ascent, a: int, b: int) -> bool:
    away = reached.theta[a] - reached.theta[b]
    if Cube(scalar).unit(reached.theta[[a, b]]).diff(dim=0).abs().max() < 1e-6:
        return True
    moves = ~reached.pinned[a]
    near = bool((reached.pinned[a] == reached.pinned[b]).all()) and bool((away[~moves] == 0).all())
    lengths = [float(-away @ reached.jet.hessian[i] @ away) for i in (a, b)]
    level = abs(float(reached.jet.value[a] - reached.jet.value[b]))
    return (near and max(lengths) < 0.01) or (
        level < 1e-3 and _flat(scalar, reached, a) and _flat(scalar, reached, b)
    )


def _flat(scalar: Scalar, reached: Ascent, i: int) -> bool:
    return len(_mode(scalar, reached[i : i + 1]).null_space) > 0


def _representative(scalar: Scalar, reached: Ascent, group: list[int]) -> int:
    if not _flat(scalar, reached, group[0]):
        return group[0]
    level = reached.jet.value[group] > reached.jet.value[group[0]] - 1e-6
    off = (Cube(scalar).unit(reached.theta[group]) - 0.5).norm(dim=1)
    return group[int(torch.where(level, off, torch.inf).argmin())]


def _mode(scalar: Scalar, one: Ascent) -> Mode:
    return Mode(
        scalar.space, one.theta[0], float(one.jet.value[0]), one.jet.hessian[0], one.pinned[0]
    )
