r"""A ratio made consistent with its own reference: psi - c(phi, e), with c a polynomial.

A learned ratio has Z(theta, e) = E_{p_0}[exp psi | theta, e] near one but not equal to it, and N observations add
N log Z to S. The polynomial c minimises

    E_{p_0 pi}[ exp(psi - c) + c ],         which is convex, with exp c = Z at the minimum:

a Poisson regression, solved by Newton steps. It does not centre the score under the simulator; that is calibration.
"""

import copy
import math
from typing import Any

import torch
from torch import Tensor

from ..numerics.polynomials import exponents, monomials
from .base import Head
from .wrapped import Wrapped

RIDGE = 1e-8
"""Of the mean curvature: it decides only about combinations of monomials that the draws do not tell apart."""
STILL = 1e-9
"""Nats: what the last Newton steps may still move, far below the error that the draws leave in log Z."""


class Corrected(Wrapped):
    """A ratio less the polynomial c(phi, e) = m(phi)^T W m(e) that normalises it, m being all monomials up to a degree.

    Arguments:
        inner: The head that is corrected.
        coordinates, covariates: The sizes K and E.
        degree: The degree in phi; in e it is half of that.
    """

    kind = "corrected"
    normalised = False

    def __init__(self, inner: Head, coordinates: int, covariates: int, degree: int = 4):
        super().__init__(inner)
        self.coordinates, self.covariates, self.degree = coordinates, covariates, degree
        self._phi, self._e = _exponents(coordinates, degree), _exponents(covariates, degree // 2)
        self.weights: Tensor
        self.register_buffer("weights", torch.zeros(len(self._phi), len(self._e)))

    def config(self) -> dict[str, Any]:
        """What `from_config` takes."""
        return {
            **super().config(),
            "coordinates": self.coordinates,
            "covariates": self.covariates,
            "degree": self.degree,
        }

    def forward(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """The corrected log ratio `(*,)` in nats."""
        return self.inner(z, e, phi) - (
            _monomials(phi, self._phi) @ self.weights * _monomials(e, self._e)
        ).sum(-1)

    def outer(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """psi `(J, N)` of every theta with every observation."""
        return (
            self.inner.outer(z, e, phi)
            - _monomials(phi, self._phi) @ self.weights @ _monomials(e, self._e).mT
        )

    def loss(
        self, z: Tensor, e: Tensor, phi: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """The loss of the head that is corrected."""
        return self.inner.loss(z, e, phi, generator)


def correct(
    head: Head, z: Tensor, e: Tensor, phi: Tensor, degree: int = 4, steps: int = 30
) -> Corrected:
    """The head with its correction fitted on products: `z (N, Z)`, `e (N, E)` from p_0, each with a `phi (N, K)` of its own.

    The fit is over N pairs and over each x at once more thetas moved along, so that N = 10^4 or more is enough.
    """
    corrected = Corrected(copy.deepcopy(head), phi.shape[1], e.shape[1], degree).to(z.dtype)
    with torch.no_grad():
        thetas = [phi.roll(k, 0) for k in range(4)]
        psi = torch.cat([head(z, e, t) for t in thetas]).double()
        features = torch.cat([_features(corrected, e, t) for t in thetas])
        corrected.weights.copy_(_poisson(features, psi, steps).view_as(corrected.weights))
    return corrected


def _features(head: Corrected, e: Tensor, phi: Tensor) -> Tensor:
    outer = _monomials(phi, head._phi)[:, :, None] * _monomials(e, head._e)[:, None]
    return outer.flatten(1).double()


def _poisson(features: Tensor, psi: Tensor, steps: int) -> Tensor:
    """argmin_w mean[exp(psi - features w) + features w], by damped Newton steps from the best constant (the first feature)."""
    w = torch.zeros(features.shape[1], dtype=torch.float64)
    w[0] = psi.logsumexp(0) - math.log(len(psi))
    value = _objective(features, psi, w)
    for _ in range(steps):
        rate = (psi - features @ w).exp()
        gradient = ((1 - rate) @ features) / len(psi)
        hessian = features.T @ (rate[:, None] * features) / len(psi)
        ridge = RIDGE * hessian.diagonal().mean() * torch.eye(len(w), dtype=w.dtype)
        step = torch.linalg.solve(hessian + ridge, gradient)
        size = next(
            (s for s in (1.0, 0.3, 0.1, 0.01) if _objective(features, psi, w - s * step) < value),
            0.0,
        )
        w = w - size * step
        value = _objective(features, psi, w)
        if size * step.abs().max() < STILL:
            break
    return w


def _objective(features: Tensor, psi: Tensor, w: Tensor) -> Tensor:
    c = features @ w
    return ((psi - c).exp() + c).mean()


def _exponents(variables: int, degree: int) -> list[tuple[int, ...]]:
    """The exponents of the monomials in the order in which `weights` holds their coefficients."""
    return exponents([degree] * variables, degree, falling=True)


def _monomials(v: Tensor, powers: list[tuple[int, ...]]) -> Tensor:
    """All monomials `(*, P)` of `v (*, V)`."""
    return torch.stack(monomials(v.unbind(-1), powers, v.new_ones(v.shape[:-1])), -1)
