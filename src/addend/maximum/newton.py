r"""Damped Newton ascent of a scalar function inside its support, many starts at once.

    step = |H|^{-1} g,        g = grad S,  H = -grad^2 S,  |H| with the absolute values of its eigenvalues

in the unit cube t = (theta - low) / (high - low). |H| is positive definite, so every step goes uphill also where S is
not concave; it is the Newton step where S is.

A Hessian costs several gradients, and hardly changes near a maximum. So it is computed where an ascent begins, and from
there mended after each step s by what the gradient says it should have been, y = grad S(t + s) - grad S(t),

    H' = H + r r^T / (r . s),        r = y - H s

(symmetric rank one: Nocedal & Wright, section 6.2). It is computed anew where what is left to gain falls by less than
`SLOW` in a step, where a step lowers S, and in the end. A step of a fresh Hessian that lowers S is halved twice and tried
again.

A step that would leave the support stops at the first bound it meets. A coordinate at its bound is held there
(*pinned*) while gradient or step points outward, and let go when they do not (active sets: Nocedal & Wright, section
16.7). Maxima on the boundary are thus reached exactly and in a few steps, which a map of the support to the whole space
would put at infinity.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..scalar.base import Scalar
from ..scalar.jet import Jet
from .cube import Cube

EDGE = 1e-12
REACH = 0.5
GAIN, ROUGH = 1e-10, 1e-9
STALLED = 1e-4
HELD = 1e-4
LEAST = 1e-7
SLOW, ROUNDS = 0.4, 3
"""Of what was left to gain, the share that may be left after a step; how often one goes on from where S was thought at rest."""


@dataclass(frozen=True)
class Ascent:
    """Where B ascents of S came to rest.

    Arguments:
        theta: `(B, D)`.
        jet: S, gradient and Hessian there, per unit of theta; the Hessian is one of nearby where none was asked for.
        pinned: Which coordinates a bound holds back, `(B, D)`: those along which S still rises outward.
        converged: Whether no more than 1e-4 nats are left to gain, `(B,)`.
        evaluations: Points at which S was differentiated, all starts together.
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


def ascend(
    scalar: Scalar,
    theta: Tensor,
    free: Tensor | None = None,
    steps: int = 80,
    hessian: Tensor | None = None,
    curved: bool = True,
) -> Ascent:
    """Climb from theta.

    Arguments:
        scalar: S.
        theta: Starts `(B, D)`.
        free: The coordinates that may move `(D,)`; all if None.
        steps: The most steps.
        hessian: What the Hessian is about `(B, D, D)`, where that is known, as beside a maximum.
        curved: Whether the Hessian is wanted in the end.
    """
    fixed = torch.zeros(theta.shape[1], dtype=torch.bool) if free is None else ~free
    climb = _Climb(Cube(scalar), theta, fixed, hessian)
    for _ in range(ROUNDS):
        climb.up(steps, GAIN if curved else ROUGH)
        if curved:
            climb.polish()
        if not climb.promises(STALLED).any():
            break
    return climb.rest()


class _Climb:
    """Ascents on their way: where each is, the jet there, and how far it dares to step.

    Arguments:
        cube: S on the unit cube.
        theta: Starts `(B, D)`.
        fixed: The coordinates that do not move `(D,)`.
        hessian: What the Hessian is about, per unit of theta; None to compute it.
    """

    def __init__(self, cube: Cube, theta: Tensor, fixed: Tensor, hessian: Tensor | None):
        self.cube, self.fixed, self.t = cube, fixed, cube.unit(theta)
        self.damping = torch.ones(len(theta), dtype=torch.float64)
        self.fresh = torch.full((len(theta),), hessian is None)
        self.jet = (
            cube.jet(self.t)
            if hessian is None
            else Jet(*cube.slope(self.t), cube.per_width(hessian))
        )
        self.evaluations = len(theta)

    def promises(self, enough: float) -> Tensor:
        """Which rows `(B,)` have more to gain than that, and may still step."""
        _, gain, _ = newton_step(self.jet, self.t, self.fixed)
        return (gain > enough) & (self.damping > LEAST) & self.jet.value.isfinite()

    def up(self, steps: int, least: float) -> None:
        """Step until no more than `least` nats are left to gain."""
        for _ in range(steps):
            step, gain, _ = newton_step(self.jet, self.t, self.fixed)
            enough = least + 1e-14 * self.jet.value.abs()
            live = (gain > enough) & (self.damping > LEAST) & self.jet.value.isfinite()
            if not live.any():
                break
            rows = live.nonzero()[:, 0]
            better = self._step(rows, step[rows])
            left = newton_step(self.jet, self.t, self.fixed)[1]
            stale = ~better | (left[rows] > (SLOW * gain[rows]).maximum(enough[rows]))
            self._renew(rows[stale & ~self.fresh[rows]])

    def _step(self, rows: Tensor, step: Tensor) -> Tensor:
        """Try one step of the named rows; which of them went up."""
        trial = forward(self.t[rows], step, self.damping[rows])
        value, gradient = self.cube.rows(rows).slope(trial)
        self.evaluations += len(rows)
        better, fresh, damping = value > self.jet.value[rows], self.fresh[rows], self.damping[rows]
        smaller = torch.where(fresh, damping / 4, damping)
        self.damping[rows] = torch.where(better, (4 * damping).clamp(max=1.0), smaller)
        moved = (trial - self.t[rows], gradient - self.jet.gradient[rows])
        mended = mend(self.jet.hessian[rows], *moved)
        up = rows[better]
        self.t[up], self.fresh[up] = trial[better], False
        new = Jet(value, gradient, mended)
        self.jet = self._put(up, Jet(*(x[better] for x in new)))
        return better

    def _renew(self, rows: Tensor) -> None:
        """The Hessian of the named rows, where they are."""
        if len(rows):
            self.jet = self._put(rows, self.cube.rows(rows).jet(self.t[rows]))
            self.fresh[rows] = True
            self.evaluations += len(rows)

    def polish(self) -> None:
        """One last full step, judged by what is left to gain: below its own rounding error S itself cannot judge."""
        step, gain, _ = newton_step(self.jet, self.t, self.fixed)
        trial = forward(self.t, step, torch.ones_like(gain))
        new = self.cube.jet(trial)
        self.evaluations += len(trial)
        better = (
            (gain < STALLED)
            & (newton_step(new, trial, self.fixed)[1] < gain)
            & (new.value > self.jet.value - STALLED)
        )
        self.t[better] = trial[better]
        self.jet = self._put(better.nonzero()[:, 0], Jet(*(x[better] for x in new)))
        self.fresh |= better
        self._renew((~self.fresh).nonzero()[:, 0])

    def _put(self, rows: Tensor, jet: Jet) -> Jet:
        return Jet(*(old.index_copy(0, rows, new) for old, new in zip(self.jet, jet, strict=True)))

    def rest(self) -> Ascent:
        """Where they are."""
        _, gain, still = newton_step(self.jet, self.t, self.fixed)
        converged = (gain < STALLED) & self.jet.value.isfinite()
        pinned = still & ~self.fixed & (self.jet.gradient.abs() > HELD)
        jet = self.cube.per_unit(self.jet)
        return Ascent(self.cube.theta(self.t), jet, pinned, converged, self.evaluations)


def mend(hessian: Tensor, step: Tensor, change: Tensor) -> Tensor:
    """The Hessian `(B, D, D)` as a step `(B, D)` says that it is, over which the gradient changed by `change (B, D)`."""
    away = change - (hessian @ step[:, :, None])[:, :, 0]
    along = (away * step).sum(dim=1)
    known = along.abs() > 1e-8 * away.norm(dim=1) * step.norm(dim=1)
    scale = torch.where(known, along, torch.inf)
    return hessian + away[:, :, None] * away[:, None, :] / scale[:, None, None]


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


def _solve(jet: Jet, still: Tensor) -> Tensor:
    moves = (~still).double()
    h = -jet.hessian * moves[:, :, None] * moves[:, None, :]
    values, vectors = torch.linalg.eigh(h)
    values = values.abs().clamp(min=1e-9).maximum(1e-12 * values.abs().amax(dim=1, keepdim=True))
    g = (vectors.mT @ (jet.gradient * moves)[:, :, None])[:, :, 0]
    return (vectors @ (g / values)[:, :, None])[:, :, 0] * moves
