"""Megamasers: angular-diameter distances with split-normal errors, and a peculiar velocity as a latent of each galaxy.

    v_true = v - u,      u ~ N(0, v_err^2 + 250^2) [km/s],      D_true = D_A(v_true / c; H0, Om)
    D_true - D ~ split normal(D_err_minus below 0, D_err_plus above 0)

with the split normal's density 2 / (sqrt(2 pi) (s_minus + s_plus)) exp(-d^2 / (2 s^2)), s = s_minus where d < 0 and
s_plus where d > 0: read as a function of D_true it is the quoted D with its two errors. The 250 km/s are the dispersion
of peculiar velocities adopted by Pesce et al. 2020 (arXiv:2001.09213). The simulator draws v_true, the encoder sees D
alone and so learns the likelihood with v_true integrated out: the latent is private to its galaxy, nobody shares it.

D_A is analytic through z = 0, so a galaxy whose v_true comes out small or negative needs no exception.
"""

import numpy as np
import torch
from scipy.special import ndtr, ndtri

from addend.modality import Columns, Drawing, Field, Modality, Points, Schema

from .published import pesce2020

C = 299792.458
"""Speed of light [km/s]."""

PECULIAR = 250.0
"""Dispersion of peculiar velocities [km/s]."""

VELOCITY = (500.0, 16000.0)
VELOCITY_ERROR = (0.3, 100.0)
RELATIVE_ERROR = (0.008, 0.4)
LOG_ASYMMETRY = (-0.4, 0.6)

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


def angular_diameter_distance(z: np.ndarray, h0: np.ndarray, om: np.ndarray) -> np.ndarray:
    """D_A(z) [Mpc] of flat LambdaCDM without radiation, by 12 Gauss-Legendre nodes: to 1e-12 for |z| < 0.1. Broadcasts."""
    half, om = 0.5 * z[..., None], np.asarray(om)[..., None]
    e = np.sqrt(om * (1 + half * (1 + _NODES)) ** 3 + 1 - om)
    return C / h0 * (half * _WEIGHTS / e).sum(axis=-1) / (1 + z)


class Coordinates(torch.nn.Module):
    """theta = (H0, Om) `(*, 2)` to (log H0, Om) `(*, 2)`: H0 only scales distances."""

    def forward(self, theta: torch.Tensor) -> torch.Tensor:
        h0, om = theta.unbind(-1)
        return torch.stack([torch.log(h0), om], dim=-1)


class Masers(Modality):
    """Geometric distances to galaxies with a recession velocity."""

    name = "masers"
    title = "Megamasers"
    parameters = ("H0", "Om")
    schema = Schema(
        observables=(
            Field("D", "Mpc", "angular-diameter distance", positive=True, error="D_err_plus"),
        ),
        covariates=(
            Field("v", "km/s", "observed recession velocity, z = v / c", positive=True),
            Field(
                "v_err",
                "km/s",
                "measurement error of v, without peculiar velocity",
                positive=True,
                noise=True,
            ),
            Field(
                "D_err_minus",
                "Mpc",
                "error of D towards smaller distances",
                positive=True,
                noise=True,
            ),
            Field(
                "D_err_plus",
                "Mpc",
                "error of D towards larger distances",
                positive=True,
                noise=True,
            ),
        ),
    )

    def covariates(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """v, v_err and the mean error log-uniform, the error about the distance v / 70; the asymmetry uniform in its log."""
        v = np.exp(rng.uniform(*np.log(VELOCITY), n))
        mean = np.exp(rng.uniform(*np.log(RELATIVE_ERROR), n)) * v / 70.0
        half = 0.5 * rng.uniform(*LOG_ASYMMETRY, n)
        v_err = np.exp(rng.uniform(*np.log(VELOCITY_ERROR), n))
        return {
            "v": v,
            "v_err": v_err,
            "D_err_minus": mean * np.exp(-half),
            "D_err_plus": mean * np.exp(half),
        }

    def simulate(
        self, theta: np.ndarray, covariates: Columns, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """D [Mpc], given theta `(N, 2)` and N rows of covariates."""
        h0, om = theta.T
        v_true = covariates["v"] - np.hypot(covariates["v_err"], PECULIAR) * rng.standard_normal(
            len(theta)
        )
        deviate = split_normal(
            covariates["D_err_minus"], covariates["D_err_plus"], rng.standard_normal(len(theta))
        )
        return {"D": angular_diameter_distance(v_true / C, h0, om) - deviate}

    def read(self, table: Columns) -> dict[str, np.ndarray]:
        """The columns D, v, v_err, D_err_minus and D_err_plus of a table, as they are."""
        self.schema.check(table)
        return {name: np.asarray(table[name], dtype=np.float64) for name in self.schema.names}

    def sets(self) -> dict[str, dict[str, np.ndarray]]:
        """`pesce2020`: the six galaxies of the Megamaser Cosmology Project."""
        return {"pesce2020": pesce2020()}

    def origins(self) -> dict[str, str]:
        """Where the set was published."""
        return {"pesce2020": "Pesce et al., 2020-01, arXiv:2001.09213"}

    def coordinates(self) -> torch.nn.Module:
        """(log H0, Om)."""
        return Coordinates()

    def figure(self, columns: Columns, theta: np.ndarray) -> Drawing:
        """The Hubble diagram. What the velocity errors do to D at the fit is added to its own errors in quadrature."""
        h0, om = theta.T[:, :, None]
        v, width = columns["v"], np.hypot(columns["v_err"], PECULIAR)
        line = np.linspace(0, 1.05 * v.max(), 100)
        shift = 0.5 * np.ptp(
            angular_diameter_distance(np.stack([v - width, v + width]) / C, *theta[0]), axis=0
        )
        galaxies = Points(
            v, columns["D"], np.hypot([columns["D_err_minus"], columns["D_err_plus"]], shift),
            expected=angular_diameter_distance(v / C, h0, om), model_x=line, model_y=angular_diameter_distance(line / C, h0, om),
        )  # fmt: skip
        title = "Megamaser Hubble diagram, errors with peculiar velocities"
        return Drawing(title, "velocity $v$ [km/s]", "$D_A$ [Mpc]", {"galaxies": galaxies})


def split_normal(minus: np.ndarray, plus: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The split normal's quantile at the probability Phi(g): mode 0, width `minus` below and `plus` above.

    F(d) = 2 p Phi(d / minus) where d < 0, and 1 - F(d) = 2 (1 - p) Phi(-d / plus) where d > 0, p = minus / (minus + plus).
    """
    p = minus / (minus + plus)
    below = minus * ndtri(np.minimum(ndtr(g) / (2 * p), 0.5))
    above = -plus * ndtri(np.minimum(ndtr(-g) / (2 * (1 - p)), 0.5))
    return below + above
