r"""Nuisance parameters eliminated, after the sum. (Berger, Liseo & Wolpert 1999; PDG review of statistics.)

Two ways, which are not interchangeable and never mixed in one S:

    profiled      S_p(theta) = max_eta S(theta, eta)
    marginal      S_m(theta) = log integral exp S(theta, eta) d eta           over the support of eta, uniform measure

S holds the constraint terms of eta. Eliminating a nuisance inside each modality and adding the results is right only if
no other modality shares it; eliminating it from the sum is always right.

Derivatives of S_p follow from the implicit function theorem: with eta_hat(theta) the conditional maximum,

    S_p' = S_theta,       S_p'' = S_theta theta - S_theta eta S_eta eta^{-1} S_eta theta        (Schur complement)

and one Newton step taken from the detached eta_hat lets autograd find them too.

The integral is a tensor Gauss-Legendre rule in the coordinates xi that whiten the curvature at eta_hat(theta),
eta = eta_hat + L xi with L L^T = H^{-1}, each xi over +-6 and cut where eta would leave its support. For a Gaussian
integrand, a truncated one included, 24 nodes leave a relative error below 1e-8. S_m holds the constant
(Q / 2) log(2 pi), as an integral does; the derivatives are posterior moments over the nodes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import BadSetting
from ..numerics.quadrature import legendre
from ..parameters import ParameterSpace
from ..scalar.base import Scalar
from ..scalar.jet import Jet, Slope
from .cube import bounds
from .fit import Fit
from .newton import Ascent
from .profiles import conditional

REACH = 6.0
MOST = 3


class Eliminated(Scalar):
    """A scalar function of the parameters that are left.

    Arguments:
        scalar: S of all parameters, constraint terms included.
        names: The nuisance parameters to eliminate.
        fit: A fit of S: its modes tell where the conditional maximum is looked for.
    """

    def __init__(self, scalar: Scalar, names: Sequence[str], fit: Fit):
        self.scalar, self.fit, self.n, self.name = scalar, fit, scalar.n, scalar.name
        self.eta = scalar.space.index(list(names))
        self.kept = [d for d in range(len(scalar.space)) if d not in self.eta]
        self.space = ParameterSpace(tuple(scalar.space.parameters[d] for d in self.kept))

    def conditional(self, theta: Tensor) -> Ascent:
        """The maximum over eta at each theta `(J, D - Q)`."""
        return conditional(self.scalar, self.fit, self.kept, theta.detach())

    def join(self, theta: Tensor, eta: Tensor) -> Tensor:
        """theta `(J, D - Q)` and eta `(J, Q)` as `(J, D)`."""
        order = torch.argsort(torch.tensor(self.kept + self.eta))
        return torch.cat([theta, eta], dim=1)[:, order]

    def coupling(self, peak: Ascent) -> tuple[Tensor, Tensor]:
        """H_eta eta `(J, Q, Q)`, and S_eta theta `(J, Q, D - Q)`; coordinates held at a bound are decoupled."""
        held = peak.pinned[:, self.eta].double()
        h = -peak.jet.hessian[:, self.eta]
        moves = 1 - held
        inner = h[:, :, self.eta] * moves[:, :, None] * moves[:, None, :] + torch.diag_embed(held)
        return inner, -h[:, :, self.kept] * moves[:, :, None]


class Profiled(Eliminated):
    """S maximised over the nuisances."""

    def values(self, theta: Tensor) -> Tensor:
        peak = self.conditional(theta)
        eta = peak.theta[:, self.eta]
        if torch.is_grad_enabled() and theta.requires_grad:
            inner, cross = self.coupling(peak)
            shift = torch.linalg.solve(inner, cross @ (theta - theta.detach())[:, :, None])[:, :, 0]
            return self.scalar.values(self.join(theta, eta + shift))
        return peak.jet.value

    def jet(self, theta: Tensor) -> Jet:
        peak = self.conditional(theta)
        inner, cross = self.coupling(peak)
        own = peak.jet.hessian[:, self.kept][:, :, self.kept]
        return Jet(
            peak.jet.value,
            peak.jet.gradient[:, self.kept],
            own + cross.mT @ torch.linalg.solve(inner, cross),
        )

    def slope(self, theta: Tensor) -> Slope:
        peak = self.conditional(theta)
        return Slope(peak.jet.value, peak.jet.gradient[:, self.kept])


class Marginal(Eliminated):
    """log of the integral of exp S over the nuisances.

    Arguments:
        scalar, names, fit: As for `Eliminated`; at most three names.
        nodes: Nodes a nuisance.
    """

    def __init__(self, scalar: Scalar, names: Sequence[str], fit: Fit, nodes: int = 24):
        if len(names) > MOST:
            raise BadSetting(
                f"{len(names)} nuisances to integrate, expected {MOST} at most",
                "profile the others, or sample",
            )
        super().__init__(scalar, names, fit)
        self.x, self.log_w = legendre(len(names), nodes)

    def values(self, theta: Tensor) -> Tensor:
        eta, log_w = self.rule(theta)
        j, k, q = eta.shape
        joint = self.join(theta.repeat_interleave(k, dim=0), eta.reshape(j * k, q))
        return (self.scalar.values(joint).reshape(j, k) + log_w).logsumexp(dim=1)

    def jet(self, theta: Tensor) -> Jet:
        eta, log_w = self.rule(theta)
        j, k, q = eta.shape
        jet = self.scalar.jet(self.join(theta.repeat_interleave(k, dim=0), eta.reshape(j * k, q)))
        log_p = jet.value.reshape(j, k) + log_w
        p = log_p.softmax(dim=1)
        gradient = jet.gradient[:, self.kept].reshape(j, k, -1)
        mean = torch.einsum("jk,jka->ja", p, gradient)
        second = torch.einsum(
            "jk,jkab->jab",
            p,
            jet.hessian[:, self.kept][:, :, self.kept].reshape(j, k, *[theta.shape[1]] * 2),
        )
        spread = torch.einsum(
            "jk,jka,jkb->jab", p, gradient - mean[:, None], gradient - mean[:, None]
        )
        return Jet(log_p.logsumexp(dim=1), mean, second + spread)

    def slope(self, theta: Tensor) -> Slope:
        return Slope(*self.jet(theta)[:2])

    def rule(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Nodes eta `(J, K, Q)` and log weights `(J, K)` of the integral at each theta `(J, D - Q)`."""
        peak = self.conditional(theta)
        factor = self.whitening(peak)
        low, width = (b[self.eta] for b in bounds(self.scalar.space))
        xi = self.x.expand(len(theta), -1, -1).clone()
        log_w = self.log_w.expand(len(theta), -1)
        for d in range(xi.shape[2]):
            row, scale = factor[:, d, : d + 1], factor[:, d, d][:, None]
            centre = (
                peak.theta[:, self.eta[d]][:, None] + (xi[:, :, :d] @ row[:, :d, None])[:, :, 0]
            )
            first = ((low[d] - centre) / scale).clamp(-REACH, REACH)
            last = ((low[d] + width[d] - centre) / scale).clamp(-REACH, REACH)
            xi[:, :, d] = first + 0.5 * (self.x[:, d] + 1) * (last - first)
            log_w = log_w + (0.5 * (last - first) * scale).clamp(min=1e-300).log()
        eta = peak.theta[:, None, self.eta] + xi @ factor.mT
        return torch.minimum(torch.maximum(eta, low), low + width), log_w

    def whitening(self, peak: Ascent) -> Tensor:
        """Lower triangular L `(J, Q, Q)` with L L^T the covariance of eta at fixed theta, no wider than the support."""
        _, width = bounds(self.scalar.space)
        scale = width[self.eta]
        h = -peak.jet.hessian[:, self.eta][:, :, self.eta] * scale[:, None] * scale
        values, vectors = torch.linalg.eigh(h)
        inverse = (vectors / values.abs().clamp(min=1.0)[:, None]) @ vectors.mT
        return torch.linalg.cholesky(inverse) * scale[:, None]
