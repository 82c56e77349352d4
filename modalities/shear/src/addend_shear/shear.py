r"""Convergence maps of weak lensing: a log-normal field, shape noise and a mask.

    kappa = lambda (e^g - 1),   g Gaussian of mean -xi_g(0) / 2 and correlation xi_g = log(1 + xi_kappa / lambda^2)
    x = kappa + n,   n ~ N(0, sigma_e^2 / (n_gal A)) in each pixel of area A;   x = 0 where it was not seen

(Xavier, Abdalla & Joachimi, arXiv:1602.08503; lambda is minus the convergence of an empty beam: Hilbert, Hartlap & Schneider,
arXiv:1105.3980.) xi_kappa is that of the tabulated C_l(Om, sigma8). Fields are periodic, and without power at l = 0.
"""

import numpy as np
import torch

from addend.backbones import Summarised
from addend.modality import Columns, Field, Modality, Schema

from .features import Spectrum
from .spectrum import table

SIDE, PIXEL = 64, 8.0
"""Pixels along a side, and the side of one [arcmin]."""
ARCMIN = np.pi / 180 / 60
SHAPE, DENSITY = 0.26, 10.0
"""Spread of one component of an ellipticity, and galaxies an arcmin^2."""
NOISE = SHAPE / np.sqrt(DENSITY * PIXEL**2)
"""Shape noise of the convergence in a pixel."""
EMPTY = 0.032
"""lambda, for sources at a redshift of one."""
HOLES, RADIUS = 6, (2.0, 5.0)
"""The most holes of a mask, and their radii [pixels]."""


def multipoles(side: int = SIDE) -> np.ndarray:
    """|l| of every mode of a map `(side, side)`, as numpy's Fourier transform has them."""
    along = 2 * np.pi * np.fft.fftfreq(side, PIXEL * ARCMIN)
    return np.hypot(along[:, None], along[None, :])


def power(theta: np.ndarray) -> np.ndarray:
    """The variance of each mode of kappa `(N, SIDE, SIDE)`, under an orthonormal transform, at theta `(N, 2)`."""
    return table().at(theta, multipoles()) / (PIXEL * ARCMIN) ** 2


def gaussian(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Real Gaussian fields `(N, SIDE, SIDE)` whose modes have the variances p."""
    white = np.fft.rfft2(rng.standard_normal(p.shape))
    return np.fft.irfft2(white * np.sqrt(p[..., : SIDE // 2 + 1]), s=p.shape[-2:])


def lognormal(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shifted log-normal fields `(N, SIDE, SIDE)` whose modes have the variances p."""
    xi = np.fft.ifft2(p).real
    own = np.log1p(np.maximum(xi / EMPTY**2, -0.999))
    g = gaussian(np.maximum(np.fft.fft2(own).real, 0.0), rng)
    return EMPTY * np.expm1(g - own[:, :1, :1] / 2)


class Coordinates(torch.nn.Module):
    """theta = (Om, sigma8) `(*, 2)` to (log sigma8 (Om / 0.3)^1/2, log Om): along and across the valley of a spectrum."""

    def forward(self, theta: torch.Tensor) -> torch.Tensor:
        om, sigma8 = theta.unbind(-1)
        return torch.stack([torch.log(sigma8 * torch.sqrt(om / 0.3)), torch.log(om)], dim=-1)


class Shear(Modality):
    """One map an observation."""

    name = "shear"
    title = "Weak lensing convergence"
    parameters = ("Om", "sigma8")
    schema = Schema(
        (
            Field(
                "kappa", "1", "convergence with shape noise, 0 where it was not seen",
                shape=(SIDE, SIDE), dtype="float32", mask="seen",
            ),
        ),
        (Field("seen", "1", "1 where it was seen, else 0", shape=(SIDE, SIDE), dtype="float32"),),
    )  # fmt: skip

    def covariates(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Up to `HOLES` round holes around bright stars, none to all equally likely."""
        seen = np.ones((n, SIDE, SIDE), dtype=np.float32)
        count = rng.integers(0, HOLES + 1, n)
        axis = np.arange(SIDE)
        for hole in range(HOLES):
            y, x = rng.uniform(0, SIDE, (2, n, 1, 1))
            r = rng.uniform(*RADIUS, (n, 1, 1))
            inside = (axis[:, None] - y) ** 2 + (axis[None, :] - x) ** 2 < r**2
            seen[inside & (hole < count)[:, None, None]] = 0
        return {"seen": seen}

    def simulate(
        self, theta: np.ndarray, covariates: Columns, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Maps at theta `(N, 2)` behind N masks."""
        kappa = self.field(power(theta), rng)
        noisy = kappa + NOISE * rng.standard_normal(kappa.shape)
        return {"kappa": (noisy * covariates["seen"]).astype(np.float32)}

    def field(self, p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """kappa `(N, SIDE, SIDE)` of modes with variances p."""
        return lognormal(p, rng)

    def coordinates(self) -> torch.nn.Module:
        """log S8 and log Om."""
        return Coordinates()

    def architecture(self) -> torch.nn.Module:
        """Band powers and one-point moments of smoothed maps, and a small network of them."""
        return Summarised(Spectrum(multipoles()))

    def augment(self, x: torch.Tensor, c: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The map's mirror image, which a statistically isotropic field makes as often; the mask stays, and is met as such."""
        flipped = x.reshape(-1, SIDE, SIDE).flip(2).reshape(x.shape)
        drawn = torch.rand(len(x), 1, generator=generator, device=generator.device).to(x)
        return torch.where(drawn < 0.5, x, flipped)

    def read(self, table: Columns) -> dict[str, np.ndarray]:
        """Maps and masks as they come."""
        self.schema.check(table)
        return {f.name: np.asarray(table[f.name], dtype=f.dtype) for f in self.schema.fields}


class Gaussian(Shear):
    """The same with a Gaussian kappa and nothing hidden, whose likelihood is known: the oracle.

    log p = -1/2 sum_k [ |x_k|^2 / (P_k + sigma^2) + log(P_k + sigma^2) ], the modes of an orthonormal transform.
    """

    title = "Gaussian convergence"

    def covariates(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Everything is seen."""
        return {"seen": np.ones((n, SIDE, SIDE), dtype=np.float32)}

    def field(self, p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A Gaussian field."""
        return gaussian(p, rng)

    def log_likelihood(self, columns: Columns, theta: np.ndarray) -> np.ndarray:
        """log p `(N,)` in nats up to a constant."""
        modes = np.fft.fft2(np.asarray(columns["kappa"], dtype=np.float64), norm="ortho")
        p = power(theta) + NOISE**2
        return -0.5 * (np.abs(modes) ** 2 / p + np.log(p)).sum((1, 2))
