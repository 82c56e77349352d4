"""Distances of flat LambdaCDM without radiation, and the combination of theta through which alone BAO see it.

    D_H = c / H(z),    D_M = (c / H0) int_0^z dz' / E(z'),    D_V = (z D_M^2 D_H)^(1/3),    E(z)^2 = Om (1+z)^3 + 1 - Om

Divided by r_d, all of them carry one factor c / (H0 r_d): BAO alone say nothing of H0 and r_d apart.
"""

import numpy as np
import torch

C = 299792.458
"""Speed of light [km/s]."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


def expansion(z: np.ndarray, om: np.ndarray) -> np.ndarray:
    """E(z) = H(z) / H0."""
    return np.sqrt(om * (1 + z) ** 3 + 1 - om)


def comoving(z: np.ndarray, om: np.ndarray) -> np.ndarray:
    """int_0^z dz' / E(z'), by 24 Gauss-Legendre nodes: to 1e-12 for z < 3 and Om in [0.05, 1]."""
    half = 0.5 * np.asarray(z)[..., None]
    return (half * _WEIGHTS / expansion(half * (1 + _NODES), np.asarray(om)[..., None])).sum(
        axis=-1
    )


def ratios(
    z: np.ndarray, h0_rd: np.ndarray, om: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(D_M, D_H, D_V) / r_d, with h0_rd = H0 r_d [km/s]."""
    dm = C / h0_rd * comoving(z, om)
    dh = C / h0_rd / expansion(z, om)
    return dm, dh, np.cbrt(z * dm**2 * dh)


class Coordinates(torch.nn.Module):
    """theta = (H0, Om, r_d) `(*, 3)` to (log(H0 r_d), Om) `(*, 2)`: H0 and r_d are exactly degenerate in S."""

    def forward(self, theta: torch.Tensor) -> torch.Tensor:
        h0, om, rd = theta.unbind(-1)
        return torch.stack([torch.log(h0 * rd), om], dim=-1)
