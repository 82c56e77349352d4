"""A maximum of S and what is known about it."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..parameters import ParameterSpace
from .curvature import curvature


@dataclass(frozen=True)
class Mode:
    """One local maximum.

    Arguments:
        space: The parameters.
        theta: `(D,)`.
        value: S there, in nats.
        hessian: `(D, D)`.
        pinned: `(D,)` which coordinates a bound holds back.
    """

    space: ParameterSpace
    theta: Tensor
    value: float
    hessian: Tensor
    pinned: Tensor

    @property
    def at_boundary(self) -> tuple[str, ...]:
        """The parameters at a bound: there neither curvature nor Wilks' theorem says how far they may be."""
        return tuple(
            p.name
            for p, x in zip(self.space, self.theta.tolist(), strict=True)
            if x in (p.low, p.high)
        )

    @property
    def covariance(self) -> Tensor:
        """`(D, D)` from curvature; zero for a parameter at a bound, infinite variance for one not identified."""
        return curvature(self.space, self.hessian, self.pinned).covariance

    @property
    def null_space(self) -> Tensor:
        """`(K, D)` directions in which S is flat, in units of the support's widths."""
        return curvature(self.space, self.hessian, self.pinned).null_space

    @property
    def rank(self) -> int:
        """The number of directions that the data resolve better than the uniform prior does."""
        return curvature(self.space, self.hessian, self.pinned).rank

    @property
    def identified(self) -> tuple[str, ...]:
        """The parameters that are neither at a bound nor along a flat direction."""
        known = curvature(self.space, self.hessian, self.pinned).identified.tolist()
        return tuple(name for name, yes in zip(self.space.names, known, strict=True) if yes)

    @property
    def std(self) -> Tensor:
        """`(D,)` standard deviations from curvature, in each parameter's unit."""
        return self.covariance.diagonal().sqrt()


@dataclass(frozen=True)
class Fit(Mode):
    """The highest maximum, and all others within six nats of it.

    Arguments:
        modes: Every local maximum found, the highest first. A ridge, on which S is one and the same, counts once and is
            named by its point nearest the middle of the support.
        converged: Whether no more than 1e-4 nats are left to gain.
        n: The number of observations.
        evaluations: Calls of S at one theta, jets and values together.
    """

    modes: tuple[Mode, ...]
    converged: bool
    n: int
    evaluations: int

    @property
    def theta_hat(self) -> Tensor:
        """`(D,)` argmax S, in the order of `space`."""
        return self.theta

    @property
    def regular(self) -> bool:
        """Whether the maximum is interior, strict, and the only one within six nats."""
        return (
            self.converged
            and not self.at_boundary
            and not len(self.null_space)
            and len(self.modes) == 1
        )

    def as_dict(self) -> dict[str, Any]:
        """The fit as plain JSON, by parameter name; what is infinite or has no meaning is null."""
        return {
            "names": list(self.space.names), "value": self.value,
            "theta_hat": _named(self, self.theta), "std": _named(self, self.std), "identified": list(self.identified),
            "covariance": [[_number(x) for x in row] for row in self.covariance.tolist()],
            "hessian": self.hessian.tolist(), "at_boundary": list(self.at_boundary), "null_space": self.null_space.tolist(),
            "rank": self.rank, "n": self.n, "converged": self.converged, "evaluations": self.evaluations,
            "modes": [{"theta": _named(m, m.theta), "value": m.value, "at_boundary": list(m.at_boundary)} for m in self.modes],
        }  # fmt: skip

    def at(self, **values: float) -> Tensor:
        """theta_hat with the named parameters at other values."""
        theta = self.theta.clone()
        theta[self.space.index(list(values))] = torch.tensor(
            list(values.values()), dtype=torch.float64
        )
        return theta


def _named(mode: Mode, values: Tensor) -> dict[str, float | None]:
    return {name: _number(x) for name, x in zip(mode.space.names, values.tolist(), strict=True)}


def _number(x: float) -> float | None:
    return x if math.isfinite(x) else None
