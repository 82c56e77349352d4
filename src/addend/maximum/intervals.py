r"""Profile-likelihood intervals by root finding.

    {nu : t(nu) <= c},      c the quantile of chi2 with one degree of freedom,  t(nu) = 2 [S_max - S_prof(nu)]

A coarse profile over the support and a fine one around theta_hat bracket the outermost crossings of c; each bracket is
then divided again and again, all points of a round being climbed together, until a straight line finishes it. Where t is
still below c at a bound of the support, the interval ends there and says so: the data do not close it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..numerics.tails import chi2_quantile
from ..scalar.base import Scalar
from .fit import Fit
from .profiles import Profile, profile

ROUNDS, POINTS = 4, 9
WIDE, NEAR = 17, 13


@dataclass(frozen=True)
class Interval:
    """The hull of {nu : t(nu) <= critical} for one parameter.

    Arguments:
        name: The parameter.
        low, high: The ends, in its unit.
        level: The nominal confidence.
        critical: The c that was used.
        low_at_bound, high_at_bound: Whether t is still below c at that bound of the support.
        connected: Whether no point tried inside lies above c.
    """

    name: str
    low: float
    high: float
    level: float
    critical: float
    low_at_bound: bool
    high_at_bound: bool
    connected: bool


def profile_interval(
    scalar: Scalar, fit: Fit, name: str, level: float = 0.6827, critical: float | None = None
) -> Interval:
    """The interval of one parameter; `critical` replaces the chi2 quantile where calibration has found another."""
    return _interval(scalar, fit, _coarse(scalar, fit, name), level, critical)


def profile_intervals(
    scalar: Scalar, fit: Fit, name: str, levels: Mapping[str, float]
) -> dict[str, Interval]:
    """The intervals of one parameter at several levels, under the names of these; from one first look at its profile."""
    curve = _coarse(scalar, fit, name)
    return {key: _interval(scalar, fit, curve, level) for key, level in levels.items()}


def _coarse(scalar: Scalar, fit: Fit, name: str) -> Profile:
    return profile(scalar, fit, name, _first(scalar, fit, name))


def _interval(
    scalar: Scalar, fit: Fit, curve: Profile, level: float, critical: float | None = None
) -> Interval:
    c = float(chi2_quantile(level, 1)) if critical is None else critical
    (name,), x = curve.names, curve.grid[:, 0]
    inside = curve.t <= c
    first, last = int(inside.nonzero()[0]), int(inside.nonzero()[-1])
    ends = [
        (float(x[i]), float(x[j])) if 0 <= j < len(x) else None
        for i, j in ((first, first - 1), (last, last + 1))
    ]
    low, high = _refine(scalar, fit, curve, c, ends)
    p = scalar.space[name]
    return Interval(
        name, p.low if low is None else low, p.high if high is None else high, level, c,
        low is None, high is None, bool(inside[first : last + 1].all()),
    )  # fmt: skip


def _first(scalar: Scalar, fit: Fit, name: str) -> Tensor:
    p, d = scalar.space[name], scalar.space.index([name])[0]
    wide = torch.linspace(p.low, p.high, WIDE, dtype=torch.float64)
    around = float(fit.std[d]) if name in fit.identified else (p.high - p.low) / 12
    near = fit.theta[d] + around * torch.linspace(-4, 4, NEAR, dtype=torch.float64)
    return torch.cat(
        [wide, near.clamp(p.low, p.high), *(m.theta[d : d + 1] for m in fit.modes)]
    ).unique()


def _refine(
    scalar: Scalar, fit: Fit, curve: Profile, c: float, ends: list[tuple[float, float] | None]
) -> list[float | None]:
    for _ in range(ROUNDS):
        grids = [torch.linspace(*e, POINTS, dtype=torch.float64) for e in ends if e is not None]
        if not grids:
            return [None, None]
        x = torch.cat(grids)
        curve = replace(profile(scalar, fit, curve.names, x, near=curve), top=curve.top)
        t = curve.t
        found = iter(
            [_cross(xs, ts, c) for xs, ts in zip(x.split(POINTS), t.split(POINTS), strict=True)]
        )
        crossed = [(None, None) if e is None else next(found) for e in ends]
        ends, roots = [end for end, _ in crossed], [root for _, root in crossed]
    return roots


def _cross(x: Tensor, t: Tensor, c: float) -> tuple[tuple[float, float], float]:
    k = int((t <= c).nonzero()[-1].clamp(max=len(x) - 2))
    share = ((c - t[k]) / (t[k + 1] - t[k])).clamp(0, 1)
    return (float(x[k]), float(x[k + 1])), float(x[k] + share * (x[k + 1] - x[k]))
