r"""Type Ia supernovae: standardised distance moduli with a free zero point.

    mu(z) = 5 log10 [ (1 + z_hel) D_M(z; H0, Om) / 10 pc ] + M,        MU ~ N(mu(z), MUERR^2)        [mag]

z is the redshift in the frame of the microwave background, corrected for the peculiar velocity, z_hel the observed one, D_M the
comoving distance of flat LambdaCDM without radiation. H0 only scales distances: M - 5 log10 H0 is one number to the data, and the
coordinates say so. MUERR holds what is independent from one supernova to the next.

An observation is MU less the modulus of a fiducial universe, (H0, Om, M) = (70 km/s/Mpc, 0.3, 0), at its own redshifts: a shift
that no parameter enters, after which neither z_hel nor the forty magnitudes are left for a network to learn.
"""

import numpy as np
import torch

from addend.modality import Columns, Drawing, Field, Modality, Points, Published, Schema

C = 299792.458
"""Speed of light [km/s]."""
FIDUCIAL = (70.0, 0.3)
"""H0 [km/s/Mpc] and Om at whose moduli the observed ones are read."""
REDSHIFT = (0.01, 1.5)
ERROR = (0.03, 1.0, 1000.0)
"""MUERR [mag]: log-uniform between the first two in `MOST` of the rows, between the last two in the others."""
MOST = 0.85

Value = np.ndarray | float
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


def comoving_distance(z: np.ndarray, h0: Value, om: Value) -> np.ndarray:
    """D_M(z) [Mpc] of flat LambdaCDM without radiation, by 16 Gauss-Legendre nodes: to 1e-9 for z < 1.5. Broadcasts."""
    half, om = 0.5 * z[..., None], np.asarray(om)[..., None]
    e = np.sqrt(om * (1 + half * (1 + _NODES)) ** 3 + 1 - om)
    return C / h0 * (half * _WEIGHTS / e).sum(axis=-1)


def excess(z: np.ndarray, h0: Value, om: Value) -> np.ndarray:
    """mu(z) [mag] less that of the fiducial universe, without M. Broadcasts."""
    return 5 * np.log10(comoving_distance(z, h0, om) / comoving_distance(z, *FIDUCIAL))


class Coordinates(torch.nn.Module):
    """theta = (H0, Om, M) `(*, 3)` to (M - 5 log10 H0 / 70, Om) `(*, 2)`."""

    def forward(self, theta: torch.Tensor) -> torch.Tensor:
        h0, om, offset = theta.unbind(-1)
        return torch.stack([offset - 5 * torch.log10(h0 / FIDUCIAL[0]), om], dim=-1)


class Supernovae(Modality):
    """One distance modulus an observation."""

    name = "supernovae"
    title = "Type Ia supernovae"
    parameters = ("H0", "Om", "supernovae.M")
    schema = Schema(
        (Field("excess", "mag", "MU less the fiducial modulus at its redshifts", error="MUERR"),),
        (
            Field(
                "zHD", "1", "redshift, CMB frame, corrected for peculiar velocity", positive=True
            ),
            Field("MUERR", "mag", "statistical error of MU", positive=True, noise=True),
        ),
    )

    @property
    def table(self) -> Schema:
        """The columns of the released table that are read, by their names there."""
        return Schema(
            (Field("MU", "mag", "distance modulus, zero point free"),),
            (
                Field("zHD", "1", "redshift, CMB frame, corrected for peculiar velocity", positive=True),
                Field("zHEL", "1", "heliocentric redshift", positive=True),
                Field("MUERR", "mag", "statistical error of MU", positive=True),
            ),
        )  # fmt: skip

    def covariates(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """z log-uniform; MUERR log-uniform with a tail for the down-weighted."""
        z = np.exp(rng.uniform(*np.log(REDSHIFT), n))
        low, middle, high = np.log(ERROR)
        u = rng.random(n)
        error = np.interp(u, [0, MOST, 1], [low, middle, high])
        return {"zHD": z, "MUERR": np.exp(error)}

    def simulate(
        self, theta: np.ndarray, covariates: Columns, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """The excess [mag], given theta `(N, 3)` and N rows of covariates."""
        h0, om, offset = theta.T
        noise = covariates["MUERR"] * rng.standard_normal(len(theta))
        return {"excess": excess(covariates["zHD"], h0, om) + offset + noise}

    def read(self, table: Columns) -> dict[str, np.ndarray]:
        """Observations from the columns MU, zHD, zHEL and MUERR."""
        self.table.check(table)
        mu, z, observed, error = (
            np.asarray(table[k], dtype=np.float64) for k in ("MU", "zHD", "zHEL", "MUERR")
        )
        fiducial = 5 * np.log10((1 + observed) * comoving_distance(z, *FIDUCIAL)) + 25
        return {"excess": mu - fiducial, "zHD": z, "MUERR": error}

    def published(self) -> dict[str, Published]:
        """`des_dovekie`: the five-year sample of the Dark Energy Survey as recalibrated."""
        return {
            "des_dovekie": Published(
                "https://raw.githubusercontent.com/des-science/DES-SN5YR/"
                "f694603d1d7039e333ab11f7b42f5ab4b046e3ba/4_DISTANCES_COVMAT/DES-Dovekie_HD.csv",
                "2f57019d783eaa976df80a41b0054171a2d994ee9808d715ce850c2df5720aaf",
                "Popovic et al., 2025-11, arXiv:2511.07517",
            )
        }

    def coordinates(self) -> torch.nn.Module:
        """(M - 5 log10 H0 / 70, Om): all that the data know of theta."""
        return Coordinates()

    def figure(self, columns: Columns, theta: np.ndarray) -> Drawing | None:
        """The Hubble diagram as an excess over the fiducial universe, in bins of redshift: means weighted by 1 / MUERR^2."""
        order = np.argsort(columns["zHD"])
        bins = [b for b in np.array_split(order, min(24, len(order))) if len(b)]
        weight = columns["MUERR"] ** -2
        z, y = (
            np.array([np.average(columns[k][b], weights=weight[b]) for b in bins])
            for k in ("zHD", "excess")
        )
        error = np.array([weight[b].sum() ** -0.5 for b in bins])
        h0, om, offset = theta.T[:, :, None]
        line = np.geomspace(z.min(), z.max(), 100)
        points = Points(
            z, y, np.stack([error, error]), expected=excess(z, h0, om) + offset,
            model_x=line, model_y=excess(line, h0, om) + offset,
        )  # fmt: skip
        title = f"Distance moduli over {FIDUCIAL[0]:g} km/s/Mpc and Om = {FIDUCIAL[1]:g}, in bins"
        return Drawing(
            title, "redshift $z$", r"$\mu - \mu_\mathrm{fid}$ [mag]", {"supernovae": points}
        )
