r"""Does exp(psi) integrate to one constant, whatever theta?

    C(theta) = int exp psi(z; theta) dz       of a density,        Z(theta) = E_{p_0}[exp psi(z; theta)]      of a ratio.

Where C or Z varies with theta, N observations add N log C(theta) to S: it should be flat to well below 1/N. A density is
integrated by importance sampling from a Student law matched to it, a ratio over reference draws from p_0. Where a ratio
fails, `corrected.correct` mends it.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .base import Head

FREEDOM = 4.0


@dataclass(frozen=True)
class Normaliser:
    """log C at each theta.

    Arguments:
        log: log C or log Z `(J,)` in nats; zero everywhere for an exact head, up to a constant for a psi with a free c(x).
        error: Its Monte Carlo standard error `(J,)`.
        effective: The effective number of draws `(J,)`; below a few hundred the other two mean little.
    """

    log: Tensor
    error: Tensor
    effective: Tensor

    @property
    def worst(self) -> float:
        """sup |log C| in nats: N times this is the most that S can be off between two thetas."""
        return float(self.log.abs().max())


def normaliser(
    head: Head,
    z: Tensor,
    e: Tensor,
    phi: Tensor,
    draws: int = 20000,
    generator: torch.Generator | None = None,
) -> Normaliser:
    """log of the integral of exp(psi) at every phi `(J, K)`.

    Arguments:
        z, e: Reference draws `(N, Z)`, `(N, E)` from p_0. A ratio is averaged over them; a density is integrated over all
            of z, at as many of their covariates as there are thetas, and takes from them only where to look.
        draws: The number of importance draws for a density.
    """
    with torch.no_grad():
        if not head.normalised:
            return _summary(head.outer(z, e, phi).double())
        rows = torch.arange(len(phi)) % len(e)
        log_weights = [
            _importance(head, z, e[i], phi[j], draws, generator) for j, i in enumerate(rows)
        ]
        return _summary(torch.stack(log_weights))


def _summary(log_weights: Tensor) -> Normaliser:
    n = log_weights.shape[1]
    log_mean = log_weights.logsumexp(1) - math.log(n)
    effective = (2 * log_weights.logsumexp(1) - (2 * log_weights).logsumexp(1)).exp()
    error = (torch.clamp(1 / effective - 1 / n, min=0)).sqrt()
    return Normaliser(log_mean, error, effective)


def _importance(
    head: Head, z: Tensor, e: Tensor, phi: Tensor, draws: int, generator: torch.Generator | None
) -> Tensor:
    """log of density over proposal `(draws,)`: a Student law, moved twice to where the density is."""
    location, scale = z.mean(0), torch.linalg.cholesky(_covariance(z, None) * 4)
    for n in (draws, draws, draws):
        x, log_r = _student(location, scale, n, generator)
        log_weight = head(x, e.expand(n, -1), phi.expand(n, -1)).double() - log_r.double()
        weight = log_weight.softmax(0).to(x.dtype)
        location, scale = weight @ x, torch.linalg.cholesky(_covariance(x, weight) * 1.5)
    return log_weight


def _covariance(x: Tensor, weight: Tensor | None) -> Tensor:
    weight = x.new_full((len(x),), 1 / len(x)) if weight is None else weight
    centred = x - weight @ x
    covariance = centred.T @ (weight[:, None] * centred)
    return covariance + 1e-6 * covariance.diagonal().mean() * torch.eye(x.shape[1], dtype=x.dtype)


def _student(
    location: Tensor, scale: Tensor, n: int, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """Draws `(n, Z)` from a multivariate Student law with `FREEDOM` degrees, and their log-density `(n,)`."""
    d = len(location)
    normal = torch.randn(n, d, generator=generator, dtype=location.dtype)
    chi2 = (
        torch.randn(n, int(FREEDOM), generator=generator, dtype=location.dtype).square().sum(1)
        / FREEDOM
    )
    u = normal / chi2.sqrt()[:, None]
    constant = (
        math.lgamma((FREEDOM + d) / 2)
        - math.lgamma(FREEDOM / 2)
        - d / 2 * math.log(FREEDOM * math.pi)
    )
    log_r = (
        constant
        - scale.diagonal().log().sum()
        - (FREEDOM + d) / 2 * torch.log1p(u.square().sum(1) / FREEDOM)
    )
    return location + u @ scale.T, log_r
