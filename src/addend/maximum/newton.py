r"""Damped Newton ascent of a scalar function inside its support, many starts at once.

    step = |H|^{-1} g,        g = grad S,  H = -grad^2 S,  |H| with the absolute values of its eigenvalues

in the unit cube t = (theta - low) / (high - low). |H| is positive definite, so every step goes uphill also where S is
not concave; it is the Newton step where S is. A step that lowers S is halved twice and tried again.

A step that would leave the support stops at the first bound it meets. A coordinate at its bound is held there
(*pinned*) while gradient or step points outward, and let go when they do not (active sets: Nocedal & Wright, section
16.7). Maxima on the boundary are thus reached exactly and in a few steps, which a map of the support to the whole space
would put at infinity.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import NotFinite
from ..parameters import ParameterSpace
from ..scalar.base import Scalar
from ..scalar.jet import Jet

EDGE = 1e-12
REACH = 0.5
GAIN = 1e-10
STALLED = 1e-4
HELD = 1e-4


@dataclass(frozen=True)
class Ascent:
    """Where B ascents of S came to rest.

    Arguments:
        theta: `(B, D)`.
        jet: S, gradient and Hessian there, per unit of theta.
        pinned: Which coordinates a bound holds back, `(B, D)`: those along which S still rises outward.
        converged: Whether no more than 1e-4 nats are left to gain, `(B,)`.
        evaluations: Jets computed, all starts together.
    """

    theta: Tensor
    jet: Jet
    pinned: Tensor
    converged: Tensor
    evaluations: int

    def __getitem__(self, rows: Any) -> "Ascent":
        jet = Jet(*(x[rows] for x in self.jet))
        return Ascent(
            self.theta[rows], jet, self.pinned[rows], self.converged[rows], self.evaluations
        )


def ascend(scalar: Scalar, theta: Tensor, free: Tensor | None = None, steps: int = 80) -> Ascent:
    """Climb from theta `(B, D)`, moving only the coordinates where `free (D,)` is true (all if None)."""
    cube = Cube(scalar)
    fixed = torch.zeros(theta.shape[1], dtype=torch.bool) if free is None else ~free
    t = cube.unit(theta)
    jet, damping, evaluations = cube.jet(t), torch.ones(len(t), dtype=torch.float64), len(t)
    for _ in range(steps):
        step, gain, _ = newton_step(jet, t, fixed)
        live = (gain > GAIN + 1e-14 * jet.value.abs()) & (damping > 1e-7) & jet.value.isfinite()
        if not live.any():
            break
        trial = forward(t[live], step[live], damping[live])
        new = cube.rows(live.nonzero()[:, 0]).jet(trial)
        evaluations += len(trial)
        better = new.value > jet.value[live]
        damping[live] = torch.where(better, (4 * damping[live]).clamp(max=1.0), damping[live] / 4)
        rows = live.nonzero()[better, 0]
        t[rows] = trial[better]
        jet = Jet(
            *(old.index_copy(0, rows, fresh[better]) for old, fresh in zip(jet, new, strict=True))
        )
    t, jet = _polish(cube, t, jet, fixed)
    evaluations += len(t)
    _, gain, still = newton_step(jet, t, fixed)
    converged = (gain < STALLED) & jet.value.isfinite()
    pinned = still & ~fixed & (jet.gradient.abs() > HELD)
    return Ascent(cube.theta(t), cube.per_unit(jet), pinned, converged, evaluations)


def _polish(cube: "Cube", t: Tensor, jet: Jet, fixed: Tensor) -> tuple[Tensor, Jet]:
    """One last full step, judged by what is left to gain: below its own rounding error S itself cannot judge."""
    step, gain, _ = newton_step(jet, t, fixed)
    trial = forward(t, step, torch.ones_like(gain))
    new = cube.jet(trial)
    better = (
        (gain < STALLED)
        & (newton_step(new, trial, fixed)[1] < gain)
        & (new.value > jet.value - STALLED)
    )
    keep = [
        torch.where(better.reshape(-1, *[1] * (a.ndim - 1)), b, a)
        for a, b in zip((t, *jet), (trial, *new), strict=True)
    ]
    return keep[0], Jet(*keep[1:])


class Cube:
    """A scalar function on the unit cube of its support."""

    def __init__(self, scalar: Scalar):
        self.scalar = scalar
        self.low, self.width = bounds(scalar.space)

    def rows(self, index: Tensor) -> "Cube":
        """The same of the rows that are named, where each has a function of its own."""
        return Cube(self.scalar.rows(index))

    def unit(self, theta: Tensor) -> Tensor:
        """theta `(B, D)` as t in the cube."""
        return ((theta - self.low) / self.width).clamp(0, 1)

    def theta(self, t: Tensor) -> Tensor:
        """t as theta, inside the support to the last bit."""
        return torch.minimum(
            torch.maximum(self.low + self.width * t, self.low),
            torch.from_numpy(self.scalar.space.high),
        )

    def jet(self, t: Tensor) -> Jet:
        """The jet in t; raises `NotFinite` where S is not a number."""
        value, gradient, hessian = self.scalar.jet(self.theta(t))
        require_numbers(self.scalar, self.theta(t), value)
        scale = self.width[:, None] * self.width
        return Jet(
            value, torch.nan_to_num(gradient * self.width), torch.nan_to_num(hessian * scale)
        )

    def per_unit(self, jet: Jet) -> Jet:
        """A jet in t as the jet in theta."""
        return Jet(
            jet.value, jet.gradient / self.width, jet.hessian / (self.width[:, None] * self.width)
        )


def newton_step(jet: Jet, t: Tensor, fixed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The step `(B, D)`, what it promises in nats `(B,)`, and the coordinates it does not move `(B, D)`."""
    low, high = t <= EDGE, t >= 1 - EDGE
    still = fixed | (low & (jet.gradient < 0)) | (high & (jet.gradient > 0))
    step = _solve(jet, still)
    while (leaves := (low & (step < 0)) | (high & (step > 0))).any():
        still = still | leaves
        step = _solve(jet, still)
    return step, 0.5 * (jet.gradient * step).sum(dim=1), still


def forward(t: Tensor, step: Tensor, damping: Tensor) -> Tensor:
    """One damped step, no longer than half the cube, that stops at the first bound it meets."""
    length = damping * (REACH / step.norm(dim=1).clamp(min=REACH))
    room = torch.where(step == 0, torch.inf, torch.where(step > 0, 1 - t, t) / step.abs())
    first = room.min(dim=1).values
    out = t + torch.minimum(length, first)[:, None] * step
    lands = (room <= first[:, None] * (1 + 1e-12)) & (first <= length)[:, None]
    return torch.where(lands, (step > 0).double(), out).clamp(0, 1)


def bounds(space: ParameterSpace) -> tuple[Tensor, Tensor]:
    """Lower bounds `(D,)` and widths `(D,)` of the support."""
    return torch.from_numpy(space.low), torch.from_numpy(space.high - space.low)


def require_numbers(scalar: Scalar, theta: Tensor, value: Tensor) -> None:
    """Raise `NotFinite` if S is not a number, or is plus infinity, somewhere."""
    bad = value.isnan() | (value == torch.inf)
    if bad.any():
        at = ", ".join(
            f"{n} = {x:g}"
            for n, x in zip(scalar.space.names, theta[bad.nonzero()[0, 0]].tolist(), strict=True)
        )
        raise NotFinite(
            f"S is not a finite number at {at}", "look for the term that is not, with S.terms"
        )


def _solve(jet: Jet, still: Tensor) -> Tensor:
    moves = (~still).double()
    h = -jet.hessian * moves[:, :, None] * moves[:, None, :]
    values, vectors = torch.linalg.eigh(h)
    values = values.abs().clamp(min=1e-9).maximum(1e-12 * values.abs().amax(dim=1, keepdim=True))
    g = (vectors.mT @ (jet.gradient * moves)[:, :, None])[:, :, 0]
    return (vectors @ (g / values)[:, :, None])[:, :, 0] * moves
