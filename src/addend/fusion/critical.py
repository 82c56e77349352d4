r"""Neyman intervals of the real data: where each parameter's t is below the critical value that simulations taught.

    { nu : t_p(nu) <= c_alpha(theta(nu)) },        theta(nu) = argmax of S with theta_p = nu

c_alpha is a function of every parameter, and is read along the profile: at each nu, the nuisances are where the data put
them (profile construction: Chuang and Lai, Statistica Sinica 10 (2000) 1). sqrt(t) - sqrt(c) is nearly straight in nu,
so that a straight line between the points of a fine profile finds its zeros.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..calibration import CriticalValues, Draws, learn
from ..maximum.fit import Fit
from ..maximum.profiles import profile
from ..scalar import Scalar
from .repetitions import Repetitions

WIDE, FINE = 33, 61


@dataclass(frozen=True)
class Criticals:
    """What repetitions teach: critical values of every t_p, and of t.

    Arguments:
        single: By parameter.
        joint: Of all parameters together.
    """

    single: dict[str, CriticalValues]
    joint: CriticalValues

    @classmethod
    def learn(cls, taught: Repetitions) -> "Criticals":
        """By quantile regression over theta; raises `TooFewSimulations`."""

        def teach(t: np.ndarray) -> CriticalValues:
            return learn(Draws(taught.names, taught.theta, t))

        return cls(
            {p: teach(t) for p, t in zip(taught.profiled, taught.single.T, strict=True)},
            teach(taught.joint),
        )

    def inside(self, found: Repetitions) -> np.ndarray:
        """Whether the interval of each parameter holds the truth, `(n, P, A)`."""
        held = [
            self.single[p].inside(found.theta, t)
            for p, t in zip(found.profiled, found.single.T, strict=True)
        ]
        return (
            np.stack(held, axis=1)
            if held
            else np.zeros((len(found.theta), 0, len(self.joint.levels)), dtype=bool)
        )

    def as_dict(self) -> dict[str, Any]:
        """The functions as plain JSON."""
        return {"joint": self.joint.as_dict(), **{p: c.as_dict() for p, c in self.single.items()}}


def intervals(
    scalar: Scalar, fit: Fit, name: str, critical: CriticalValues
) -> list[tuple[float, float]]:
    """The hull of the set of each level of `critical`, in the parameter's unit; it ends where the support does."""
    x = _grid(scalar, fit, name, critical)
    curve = profile(scalar, fit, name, x)
    t, c = curve.t.clamp(min=0).numpy(), critical(curve.theta.numpy())
    return [_hull(x.numpy(), np.sqrt(t) - np.sqrt(level)) for level in c.T]


def _grid(scalar: Scalar, fit: Fit, name: str, critical: CriticalValues) -> torch.Tensor:
    p, d = scalar.space[name], scalar.space.index([name])[0]
    reach = 1.5 * float(fit.std[d]) * float(np.sqrt(critical(fit.theta.numpy()).max()))
    near = float(fit.theta[d]) + reach * torch.linspace(-1, 1, FINE, dtype=torch.float64)
    wide = torch.linspace(p.low, p.high, WIDE, dtype=torch.float64)
    return torch.cat([near.clamp(p.low, p.high), wide]).unique()


def _hull(x: np.ndarray, above: np.ndarray) -> tuple[float, float]:
    """The outermost zeros of a function that is negative inside, by straight lines."""
    inside = np.flatnonzero(above <= 0)
    first, last = inside[0], inside[-1]
    return _zero(x, above, first, first - 1), _zero(x, above, last, last + 1)


def _zero(x: np.ndarray, above: np.ndarray, i: int, j: int) -> float:
    if not 0 <= j < len(x):
        return float(x[i])
    return float(x[i] + (x[j] - x[i]) * above[i] / (above[i] - above[j]))
