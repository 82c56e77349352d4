r"""Do the modalities agree? The tension statistic, leave-one-out, and who weighs what.

    Q = 2 [ sum_g S_g(theta_hat_g) - S(theta_hat) ],          S = sum_g S_g

is chi2 distributed if all groups of terms share one theta. Its degrees of freedom are counted by rank, since a modality
alone need not identify every parameter: with H_g = -grad^2 S_g at the joint theta_hat,

    degrees = sum_g rank H_g - rank sum_g H_g,

rank counting the directions resolved better than the uniform prior resolves them (p (M - 1) when each of M groups
identifies all p parameters).

A constraint is an auxiliary measurement. That of a nuisance which one modality alone has belongs to that modality's
group. That of a nuisance which several share is a group of its own, so that it is counted once.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..scalar.base import Scalar, Sum
from ..scalar.forms import Constraint
from .curvature import curvature
from .fit import Fit
from .hypotheses import Test
from .modes import maximise


@dataclass(frozen=True)
class Tension:
    """The agreement of the groups of a sum.

    Arguments:
        test: Q with its degrees of freedom; not regular if a group's own maximum is at a bound, or is not the only one.
        alone: Each group's own fit.
    """

    test: Test
    alone: dict[str, Fit]


@dataclass(frozen=True)
class LeftOut:
    """The fit without one modality.

    Arguments:
        fit: The fit of all other terms.
        pull: By parameter, (theta_hat without - theta_hat with) over the standard deviation that this difference has if all
            agree, sqrt(var without - var with); None where one of the two does not identify the parameter.
    """

    fit: Fit
    pull: dict[str, float | None]


def groups(scalar: Sum) -> dict[str, Scalar]:
    """The terms of S, each modality's with the constraints of its own private nuisances."""
    modalities = {k: t for k, t in scalar.terms.items() if not isinstance(t, Constraint)}
    found: dict[str, list[Scalar]] = {k: [t] for k, t in modalities.items()}
    for name, term in scalar.terms.items():
        if isinstance(term, Constraint):
            users = [k for k, t in modalities.items() if set(term.space.names) & set(t.space.names)]
            found.setdefault(users[0] if len(users) == 1 else name, []).append(term)
    return {k: Sum(parts).named(k) for k, parts in found.items()}


def with_constraints(scalar: Sum, names: list[str]) -> Sum:
    """The named modalities of S with every constraint on their parameters: what they say without the others."""
    mine = scalar.only(names).space.names
    used = [
        k
        for k, t in scalar.terms.items()
        if isinstance(t, Constraint) and set(t.space.names) & set(mine)
    ]
    return scalar.only([*names, *used])


def tension(scalar: Sum, fit: Fit, seed: int = 0) -> Tension:
    """Whether the modalities of S agree, given its fit."""
    parts = groups(scalar)
    alone = {
        name: maximise(part, seed, starts=_own(scalar, part, fit)) for name, part in parts.items()
    }
    ranks = [_rank(scalar, part, fit) for part in parts.values()]
    q = 2 * (sum(f.value for f in alone.values()) - fit.value)
    regular = fit.regular and all(not f.at_boundary and len(f.modes) == 1 for f in alone.values())
    return Tension(
        Test(max(0.0, q), max(0, sum(ranks) - _rank(scalar, scalar, fit)), regular), alone
    )


def leave_one_out(scalar: Sum, fit: Fit, seed: int = 0) -> dict[str, LeftOut]:
    """The fit without each modality in turn, its constraints left out with it where no other uses them."""
    names = [k for k, t in scalar.terms.items() if not isinstance(t, Constraint)]
    rests = {
        name: with_constraints(scalar, [k for k in names if k != name])
        for name in names
        if len(names) > 1
    }
    fits = {
        name: maximise(rest, seed, starts=_own(scalar, rest, fit)) for name, rest in rests.items()
    }
    return {
        name: LeftOut(f, {p: _pull(fit, f, p) for p in f.space.names}) for name, f in fits.items()
    }


def weights(scalar: Sum, fit: Fit) -> dict[str, Tensor]:
    """The share of each term in each parameter of theta_hat, `(D,)`: the diagonal of H^{-1} H_m. Shares add to one.

    Not a number for a parameter that S does not identify.
    """
    total = curvature(scalar.space, fit.hessian, fit.pinned)
    known = total.identified
    out = {}
    for name, term in scalar.terms.items():
        share = (
            (torch.nan_to_num(total.covariance, posinf=0.0) @ -_hessian(scalar, term, fit))
            .diagonal()
            .clone()
        )
        out[name] = torch.where(known, share, torch.nan)
    return out


def _hessian(scalar: Scalar, term: Scalar, fit: Fit) -> Tensor:
    return term.on(scalar.space).jet(fit.theta[None]).hessian[0]


def _rank(scalar: Scalar, term: Scalar, fit: Fit) -> int:
    return curvature(scalar.space, _hessian(scalar, term, fit), fit.pinned).rank


def _own(scalar: Scalar, part: Scalar, fit: Fit) -> Tensor:
    return fit.theta[None, scalar.space.index(part.space.names)]


def _pull(fit: Fit, other: Fit, name: str) -> float | None:
    if name not in fit.identified or name not in other.identified:
        return None
    a, b = fit.space.index([name])[0], other.space.index([name])[0]
    spread = float(other.covariance[b, b] - fit.covariance[a, a])
    return float(other.theta[b] - fit.theta[a]) / spread**0.5 if spread > 0 else None
