r"""The luminosity distance of flat LambdaCDM, and psi at it.

d_L = c (1 + z) / H0 int_0^z dz' / E(z'),    E^2 = Om (1 + z)^3 + 1 - Om        (Hogg 1999, astro-ph/9905116, eq. 14 to 21)
"""

import numpy as np
import torch
from torch import Tensor, nn

from .detectors import LIGHT
from .marginal import reference, series, unit

QUADRATURE = 8


def luminosity(z: Tensor, h0: Tensor, om: Tensor) -> Tensor:
    """d_L `(*,)` in Gpc, of redshifts up to one; H0 in km/s/Mpc."""
    x, w = (torch.as_tensor(a).to(z) for a in np.polynomial.legendre.leggauss(QUADRATURE))
    at = 1 + z[..., None] * (x + 1) / 2
    slow = 1 / torch.sqrt(om[..., None] * at * at * at + 1 - om[..., None])
    return LIGHT / 1e6 * (1 + z) / h0 * z * (slow * w).sum(-1) / 2


class Distance(nn.Module):
    """psi of the Chebyshev coefficients of an event, without the first, at theta = (H0, Om)."""

    def forward(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """psi `(B,)` in nats of coefficients `(B, n - 1)`, redshifts e `(B, 1)` and theta `(B, 2)`."""
        redshift, (h0, om) = e[:, 0], phi.unbind(1)
        s = torch.log(luminosity(redshift, h0, om) / reference(redshift))
        return series(z, unit(s)[:, None])[:, 0]
