"""Cosmic chronometers: independent rows of H(z) about an expansion history, shifted together by two nuisances.

    H_obs = H0 E(z) + d_imf eta_imf + d_sps eta_sps + n,     n ~ N(0, H_err^2),     E(z)^2 = Om (1+z)^3 + 1 - Om

The shift d_k = H_obs f_k(z) is what one standard deviation of systematic k does to the row. The published covariance of
Moresco et al. 2020 (arXiv:2003.07362) is diag(H_err^2) + sum_k d_k d_k'. Given (eta_imf, eta_sps) the rows are
independent; with each eta ~ N(0, 1) profiled or marginalised *after* the rows are summed,

    max_eta [log p(H | theta, eta) - eta^2/2] = -1/2 r' (diag(H_err^2) + sum_k d_k d_k')^-1 r + const,   r = H - H0 E(z),

so that the published covariance is reproduced exactly, though no row knows of another.
"""

import numpy as np
import torch

from addend.modality import Columns, Drawing, Field, Modality, Points, Schema

from .published import moresco2020

Z = (0.02, 2.3)
RELATIVE_ERROR = (0.02, 0.4)
LARGEST_SHIFTS = (0.045, 0.15)


def expansion(z: np.ndarray, h0: np.ndarray | float, om: np.ndarray | float) -> np.ndarray:
    """H(z) of flat LambdaCDM without radiation, in the unit of h0."""
    return h0 * np.sqrt(om * (1 + z) ** 3 + 1 - om)


class Coordinates(torch.nn.Module):
    """theta = (H0, Om, eta_imf, eta_sps) `(*, 4)` with H0 as its logarithm, in which log H(z) is linear."""

    def forward(self, theta: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.log(theta[..., :1]), theta[..., 1:]], dim=-1)


class Chronometers(Modality):
    """Rows of H(z) with two shared systematics as parameters."""

    name = "chronometers"
    title = "Cosmic chronometers"
    parameters = ("H0", "Om", "chronometers.eta_imf", "chronometers.eta_sps")
    schema = Schema(
        observables=(Field("H", "km/s/Mpc", "expansion rate at z", positive=True, error="H_err"),),
        covariates=(
            Field("z", "1", "redshift", positive=True),
            Field(
                "H_err", "km/s/Mpc", "independent (diagonal) error of H", positive=True, noise=True
            ),
            Field(
                "d_imf",
                "km/s/Mpc",
                "shift of H for one standard deviation of the initial mass function",
            ),
            Field(
                "d_sps",
                "km/s/Mpc",
                "shift of H for one standard deviation of the stellar population synthesis model",
            ),
        ),
    )

    def covariates(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """z uniform in log(1+z); errors log-uniform about H(z; 70, 0.3); shifts in proportion to H(z; 50, 0.05).

        That is the lowest H in the support. Shifts of at most 4.5 % (IMF) and 15 % (SPS) of it leave the mean of H
        positive wherever theta is, both etas at -5 included. Each is its largest times u^2 with u uniform, which
        favours the small ones.
        """
        z = np.expm1(rng.uniform(*np.log1p(Z), n))
        relative = np.exp(rng.uniform(*np.log(RELATIVE_ERROR), n))
        d_imf, d_sps = (
            largest * rng.random(n) ** 2 * expansion(z, 50.0, 0.05) for largest in LARGEST_SHIFTS
        )
        return {"z": z, "H_err": relative * expansion(z, 70.0, 0.3), "d_imf": d_imf, "d_sps": d_sps}

    def simulate(
        self, theta: np.ndarray, covariates: Columns, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """H [km/s/Mpc], given theta `(N, 4)` and N rows of covariates."""
        h0, om, eta_imf, eta_sps = theta.T
        mean = (
            expansion(covariates["z"], h0, om)
            + covariates["d_imf"] * eta_imf
            + covariates["d_sps"] * eta_sps
        )
        return {"H": mean + covariates["H_err"] * rng.standard_normal(len(theta))}

    def read(self, table: Columns) -> dict[str, np.ndarray]:
        """The columns z, H, H_err, d_imf and d_sps of a table, as they are."""
        self.schema.check(table)
        return {name: np.asarray(table[name], dtype=np.float64) for name in self.schema.names}

    def sets(self) -> dict[str, dict[str, np.ndarray]]:
        """`moresco2020`: the 15 rows that have a published covariance."""
        return {"moresco2020": moresco2020()}

    def origins(self) -> dict[str, str]:
        """Where the set was published."""
        return {"moresco2020": "Moresco et al., 2020-03, arXiv:2003.07362"}

    def coordinates(self) -> torch.nn.Module:
        """(log H0, Om, eta_imf, eta_sps)."""
        return Coordinates()

    def figure(self, columns: Columns, theta: np.ndarray) -> Drawing:
        """The rows about the expansion history H(z); what is expected of each row has its systematic shifts too."""
        h0, om, eta_imf, eta_sps = theta.T[:, :, None]
        z = np.linspace(0, 1.05 * columns["z"].max(), 100)
        shifts = columns["d_imf"] * eta_imf + columns["d_sps"] * eta_sps
        rates = Points(
            columns["z"], columns["H"], columns["H_err"],
            expected=expansion(columns["z"], h0, om) + shifts, model_x=z, model_y=expansion(z, h0, om),
        )  # fmt: skip
        title = "Cosmic chronometers; residuals after systematic shifts"
        return Drawing(title, "redshift $z$", "$H(z)$ [km/s/Mpc]", {"H": rates})
