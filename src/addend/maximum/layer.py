r"""theta_hat as a differentiable layer. (Cranmer 2026, section 2.4; Amos & Kolter 2017; Gould, Hartley & Campbell 2021.)

Whatever S depends on besides theta (data, weights, a network's parameters; call it phi), theta_hat(phi) = argmax S
moves with it. Two ways to differentiate:

    implicit      d theta_hat / d phi = H^{-1} d/dphi grad_theta S,          H = -grad^2 S at theta_hat
    unrolled      theta_{t+1} = theta_t + H_0^{-1} grad_theta S(theta_t),    H_0 the curvature at the start

The implicit form is one Newton step from the detached maximum, which does not move it and has exactly that derivative;
it holds at an interior, strict maximum only. The unrolled one is differentiated through all its T steps and tends to
the implicit one as T grows. Encoders are trained without either: what passes through here are questions about the
answer, as which observation pulls it (`influence`).
"""

import torch
from torch import Tensor, nn

from ..errors import NotInterior
from ..scalar.base import Scalar
from .fit import Fit
from .modes import maximise


class Argmax(nn.Module):
    """argmax over theta as a layer: S in, theta_hat `(D,)` out.

    Arguments:
        unroll: The number of unrolled steps; None for the implicit form.
        seed: Of the search for the maximum, which is not differentiated.

    Raises:
        NotInterior: On a call, if the maximum is at a bound or on a flat direction.
    """

    def __init__(self, unroll: int | None = None, seed: int = 0):
        super().__init__()
        self.unroll, self.seed = unroll, seed

    def forward(self, scalar: Scalar) -> Tensor:
        fit = maximise(scalar, self.seed)
        return implicit(scalar, fit) if self.unroll is None else unrolled(scalar, fit, self.unroll)


def implicit(scalar: Scalar, fit: Fit) -> Tensor:
    """theta_hat `(D,)` with its derivative with respect to all that S depends on."""
    require_interior(fit)
    return fit.theta + torch.linalg.solve(-fit.hessian, live_gradient(scalar, fit.theta.detach()))


def unrolled(scalar: Scalar, fit: Fit, steps: int, start: Tensor | None = None) -> Tensor:
    """theta_T `(D,)` after `steps` preconditioned ascents, differentiable through all of them.

    Arguments:
        scalar: S.
        fit: Its fit.
        steps: T.
        start: theta_0 `(D,)`; half a standard deviation above theta_hat if None.
    """
    require_interior(fit)
    theta = (
        fit.theta + 0.5 * fit.std if start is None else torch.as_tensor(start, dtype=torch.float64)
    )
    theta = torch.minimum(
        torch.maximum(theta, torch.from_numpy(scalar.space.low)),
        torch.from_numpy(scalar.space.high),
    )
    preconditioner = -scalar.jet(theta.detach()[None]).hessian[0]
    for _ in range(steps):
        theta = theta + torch.linalg.solve(preconditioner, live_gradient(scalar, theta))
    return theta


def live_gradient(scalar: Scalar, theta: Tensor) -> Tensor:
    """grad_theta S `(D,)` at theta `(D,)`, itself differentiable in theta and in all else that S depends on."""
    with torch.enable_grad():
        at = theta if theta.requires_grad else theta.requires_grad_()
        return torch.autograd.grad(scalar.values(at[None]).sum(), at, create_graph=True)[0]


def require_interior(fit: Fit) -> None:
    """Raise `NotInterior` unless theta_hat is an interior, strict maximum."""
    if fit.at_boundary or len(fit.null_space):
        blind = ", ".join(
            fit.at_boundary or [n for n in fit.space.names if n not in fit.identified]
        )
        where = (
            "at a bound of its support"
            if fit.at_boundary
            else "along a direction in which S is flat"
        )
        raise NotInterior(
            f"theta_hat has no derivative: {blind} lies {where}",
            "widen the support, add a modality that identifies it, or hold it fixed",
        )
