r"""Profiles: S maximised over every parameter but the named ones. (Wilks 1938; PDG review of statistics, section 40.4.)

    S_prof(nu) = max over the other parameters of S(nu, .),        t(nu) = 2 [S_max - S_prof(nu)]

{nu : t(nu) <= c} is a confidence set; c is a quantile of chi2 with as many degrees of freedom as nu has parameters
where the maximum is interior and regular, and comes from calibration where it is not.

Every point of a grid is climbed at once, from where a parabola around theta_hat and each other mode puts the remaining
parameters, and from the best of a screening design; then once more from its neighbours' maxima, so that no point is
left behind on a lower branch. A grid between points of another one starts from theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from ..errors import BadSetting
from ..numerics.designs import lattice, sobol
from ..numerics.tails import chi2_quantile
from ..scalar.base import Scalar
from .cube import Cube
from .fit import Fit, Mode
from .newton import Ascent, ascend

SCREEN = 2048


@dataclass(frozen=True)
class Profile:
    """S_prof on a grid.

    Arguments:
        names: The k parameters that are not maximised over.
        grid: Their values `(G, k)`.
        value: S_prof `(G,)`, in nats.
        theta: Where it is reached, `(G, D)`.
        top: S_max, in nats: that of the fit, or of the grid where it is higher.
    """

    names: tuple[str, ...]
    grid: Tensor
    value: Tensor
    theta: Tensor
    top: float

    @property
    def t(self) -> Tensor:
        """2 [S_max - S_prof] `(G,)`, never negative."""
        return 2 * (self.top - self.value)

    def as_dict(self) -> dict[str, Any]:
        """The curve or surface as plain JSON."""
        return {
            "names": list(self.names),
            "grid": self.grid.tolist(),
            "t": self.t.tolist(),
            "value": self.value.tolist(),
        }


@dataclass(frozen=True)
class Contour:
    """t on a grid of two parameters, for drawing.

    Arguments:
        names: The pair.
        x, y: The axes `(P,)`, in their units.
        t: `(P, P)`, x along the first dimension.
    """

    names: tuple[str, str]
    x: Tensor
    y: Tensor
    t: Tensor

    @staticmethod
    def level(probability: float) -> float:
        """The t that encloses a probability, for two parameters: 2.30 for 68.3 %."""
        return float(chi2_quantile(probability, 2))


def profile(
    scalar: Scalar, fit: Fit, names: str | Sequence[str], grid: Any, near: Profile | None = None
) -> Profile:
    """S_prof of the named parameters on a grid `(G,)` or `(G, k)` of their values.

    Arguments:
        scalar, fit: S and its fit.
        names: One parameter, or several.
        grid: Their values.
        near: A profile of the same names between whose points the grid lies, to start from.
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    held = scalar.space.index(names)
    at = torch.as_tensor(grid, dtype=torch.float64).reshape(-1, len(held))
    scalar.space.subset(names).require_inside(at.numpy())
    best = (
        conditional(scalar, fit, held, at, screened=True, curved=False)
        if near is None
        else _from(near, scalar, held, at)
    )
    if near is None and len(at) > 2 and len(held) < len(scalar.space):
        best = _from_neighbours(scalar, held, at, best)
    return Profile(
        names, at, best.jet.value, best.theta, max(fit.value, float(best.jet.value.max()))
    )


def contour(
    scalar: Scalar, fit: Fit, pair: Sequence[str], points: int = 25, sigmas: float = 4.0
) -> Contour:
    """t of a pair of parameters on a grid of +- `sigmas` around theta_hat, or over the support where that ends first."""
    axes = [_axis(scalar, fit, name, points, sigmas) for name in pair]
    surface = profile(scalar, fit, tuple(pair), lattice(*axes))
    return Contour(
        cast(tuple[str, str], tuple(pair)), axes[0], axes[1], surface.t.reshape(points, points)
    )


def _axis(scalar: Scalar, fit: Fit, name: str, points: int, sigmas: float) -> Tensor:
    p, d = scalar.space[name], scalar.space.index([name])[0]
    reach = float(fit.std[d]) * sigmas if name in fit.identified else torch.inf
    at = float(fit.theta[d])
    return torch.linspace(
        max(p.low, at - reach), min(p.high, at + reach), points, dtype=torch.float64
    )


def conditional(
    scalar: Scalar,
    fit: Fit,
    held: list[int],
    at: Tensor,
    screened: bool = False,
    curved: bool = True,
) -> Ascent:
    """The maximum over all other parameters with columns `held` at each row of `at (G, k)`.

    Climbs from a parabola's guess at each mode and, if `screened`, from the best of a design.
    """
    starts = [parabola(scalar, mode, held, at) for mode in fit.modes]
    about = [mode.hessian for mode in fit.modes]
    if screened and len(held) < len(scalar.space):
        starts.append(_screen(scalar, held, at))
        about.append(fit.hessian)
    hessian = torch.stack(about).repeat_interleave(len(at), dim=0)
    free = _free(scalar, held)
    return _best(ascend(scalar, torch.cat(starts), free, hessian=hessian, curved=curved), len(at))


def parabola(scalar: Scalar, mode: Mode, held: list[int], at: Tensor) -> Tensor:
    """theta `(G, D)` where the parabola at a mode has its maximum with columns `held` at `at (G, k)`; clipped to the support."""
    free = _free(scalar, held).nonzero()[:, 0]
    theta = mode.theta.expand(len(at), -1).clone()
    theta[:, held] = at
    cross = mode.hessian[free][:, held] @ (at - mode.theta[held]).T
    theta[:, free] -= (
        torch.linalg.pinv(mode.hessian[free][:, free], rtol=1e-10, hermitian=True) @ cross
    ).T
    return Cube(scalar).theta(Cube(scalar).unit(theta)).index_copy(1, torch.tensor(held), at)


def _from(near: Profile, scalar: Scalar, held: list[int], at: Tensor) -> Ascent:
    closest = torch.cdist(at, near.grid).argmin(dim=1)
    return ascend(
        scalar,
        near.theta[closest].index_copy(1, torch.tensor(held), at),
        _free(scalar, held),
        curved=False,
    )


def _screen(scalar: Scalar, held: list[int], at: Tensor) -> Tensor:
    free = _free(scalar, held)
    rest = sobol(int(free.sum()), max(16, SCREEN // len(at)), seed=0)
    t = (
        Cube(scalar)
        .unit(at.new_zeros(1, len(free)).index_copy(1, torch.tensor(held), at[:1]))
        .repeat(len(at), len(rest), 1)
    )
    t[:, :, free] = rest
    theta = Cube(scalar).theta(t.reshape(-1, len(free))).reshape(len(at), len(rest), -1)
    theta[:, :, held] = at[:, None]
    with torch.no_grad():
        value = scalar.values(theta.reshape(-1, len(free))).reshape(len(at), len(rest))
    return theta[torch.arange(len(at)), value.argmax(dim=1)]


def _from_neighbours(scalar: Scalar, held: list[int], at: Tensor, best: Ascent) -> Ascent:
    scale = (at.amax(dim=0) - at.amin(dim=0)).clamp(min=1e-300)
    apart = torch.cdist(at / scale, at / scale).fill_diagonal_(torch.inf)
    near = apart.topk(min(2 * len(held), len(at) - 1), dim=1, largest=False).indices
    theta = best.theta[near].clone()
    theta[:, :, held] = at[:, None]
    with torch.no_grad():
        value, k = scalar.values(theta.reshape(-1, theta.shape[-1])).reshape(near.shape).max(dim=1)
    rows = (value > best.jet.value + 1e-6).nonzero()[:, 0]
    if not len(rows):
        return best
    about = best.jet.hessian[rows]
    again = ascend(scalar, theta[rows, k[rows]], _free(scalar, held), hessian=about, curved=False)
    return _replace(best, rows, again)


def _replace(best: Ascent, rows: Tensor, again: Ascent) -> Ascent:
    both = _join(best, again)
    order = torch.arange(len(best.theta))
    order[rows] = len(best.theta) + torch.arange(len(rows))
    return both[order]


def _best(ascent: Ascent, g: int) -> Ascent:
    value = ascent.jet.value.reshape(-1, g)
    return ascent[value.argmax(dim=0) * g + torch.arange(g)]


def _join(a: Ascent, b: Ascent) -> Ascent:
    jet = type(a.jet)(*(torch.cat(pair) for pair in zip(a.jet, b.jet, strict=True)))
    theta, pinned, converged = (
        torch.cat([getattr(a, k), getattr(b, k)]) for k in ("theta", "pinned", "converged")
    )
    return Ascent(theta, jet, pinned, converged, a.evaluations + b.evaluations)


def _free(scalar: Scalar, held: Sequence[int]) -> Tensor:
    free = torch.ones(len(scalar.space), dtype=torch.bool)
    free[list(held)] = False
    if not len(held):
        raise BadSetting(
            "a profile names no parameter, expected at least one", "name it, or use maximise"
        )
    return free
