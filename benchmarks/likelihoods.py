r"""The exact likelihoods of the three cosmological modalities, in the place of their encoders.

Each is a `head` on the observables and covariates themselves, differentiable in theta, so that whatever is done to an
encoder in a fusion can be done to the truth with the same simulated data. Distances are Gauss-Legendre quadratures; the
masers' latent velocity is integrated by the trapezoidal rule, on nodes about where both factors are large,

    p(D | theta) = int du N(u; 0, v_err^2 + 250^2) SN(D_A((v - u) / c; theta) - D).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from addend import places
from addend.modality import Columns, Schema, find
from addend.parameters import ParameterSpace, read_agreement
from addend.scalar import Lazy

C = 299792.458
HALF_LOG_2PI = 0.5 * float(np.log(2 * np.pi))
NODES, WEIGHTS = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(24))
FEW_NODES, FEW_WEIGHTS = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(3))
DEVIATES = torch.linspace(-8, 8, 81, dtype=torch.float64)
PAIRS = 2**14


@dataclass(frozen=True)
class Exact:
    """What a fusion asks of an encoder, with log p itself for psi.

    Arguments:
        name: The modality.
        space: Its parameters.
        schema: Its columns.
        head: x `(*, X)`, c `(*, C)`, theta `(*, D)` to nats `(*,)`, broadcast.
    """

    name: str
    space: ParameterSpace
    schema: Schema
    head: Callable[[Tensor, Tensor, Tensor], Tensor]
    record: tuple[()] = ()

    @classmethod
    def of(cls, name: str) -> "Exact":
        """That of an installed modality."""
        modality = find(name)
        space = read_agreement(places.ROOT).subset(modality.parameters)
        return cls(name, space, modality.schema, HEADS[name])

    def embed(self, columns: Columns) -> tuple[Tensor, Tensor]:
        """The observables and the covariates as they are."""
        return torch.from_numpy(self.schema.x(columns)), torch.from_numpy(self.schema.c(columns))

    def phi(self, theta: Tensor) -> Tensor:
        """theta itself."""
        return theta

    def psi(self, z: Tensor, e: Tensor, theta: Tensor) -> Tensor:
        """log p `(J, N)` of every theta `(J, D)` with every observation."""
        return self.head(z[None], e[None], theta[:, None])

    def scalar(self, columns: Columns) -> Lazy:
        """The exact scalar function of a table."""
        return Lazy(self, columns, pairs=PAIRS)


def chronometers(x: Tensor, c: Tensor, theta: Tensor) -> Tensor:
    """Independent normal rows about the shifted expansion history."""
    z, error, d_imf, d_sps = c.unbind(-1)
    h0, om, imf, sps = theta.unbind(-1)
    mean = h0 * torch.sqrt(om * (1 + z) ** 3 + 1 - om) + imf * d_imf + sps * d_sps
    return _normal((x[..., 0] - mean) / error) - torch.log(error)


def bao(x: Tensor, c: Tensor, theta: Tensor) -> Tensor:
    """A bivariate normal, or a normal of D_V alone."""
    z, d_err, h_err, corr, pair = c.unbind(-1)
    h0, om, rd = theta.unbind(-1)
    scale = C / (h0 * rd)
    dm = scale * _comoving(z, om, NODES, WEIGHTS)
    dh = scale / torch.sqrt(om * (1 + z) ** 3 + 1 - om)
    dv = (z * dm**2 * dh) ** (1 / 3)
    r = (x[..., 0] - torch.where(pair > 0, dm, dv)) / d_err
    s = (x[..., 1] - dh) / h_err
    conditional = (
        _normal((s - corr * r) / torch.sqrt(1 - corr**2))
        - 0.5 * torch.log(1 - corr**2)
        - torch.log(h_err)
    )
    return _normal(r) - torch.log(d_err) + pair * conditional


def masers(x: Tensor, c: Tensor, theta: Tensor) -> Tensor:
    """A split normal, the peculiar velocity integrated out."""
    v, v_err, minus, plus = (a[..., None] for a in c.unbind(-1))
    h0, om = (a[..., None] for a in theta.unbind(-1))
    width, error = torch.sqrt(v_err**2 + 250.0**2), 0.5 * h0 * (minus + plus)
    spread = 1 / torch.sqrt(width**-2 + error**-2)
    true = spread**2 * (v / width**2 + h0 * x / error**2) + spread * DEVIATES
    off = C / h0 * _comoving(true / C, om, FEW_NODES, FEW_WEIGHTS) / (1 + true / C) - x
    log_p = _normal(off / torch.where(off < 0, minus, plus)) + torch.log(2 / (minus + plus))
    latent = _normal((true - v) / width) + torch.log(spread / width * (DEVIATES[1] - DEVIATES[0]))
    return torch.logsumexp(log_p + latent, -1)


HEADS = {"chronometers": chronometers, "bao": bao, "masers": masers}


def _normal(r: Tensor) -> Tensor:
    return -0.5 * r**2 - HALF_LOG_2PI


def _comoving(z: Tensor, om: Tensor, nodes: Tensor, weights: Tensor) -> Tensor:
    """int_0^z dz' / E(z')."""
    half, om = 0.5 * z[..., None], om[..., None]
    return (half * weights / torch.sqrt(om * (1 + half * (1 + nodes)) ** 3 + 1 - om)).sum(-1)
