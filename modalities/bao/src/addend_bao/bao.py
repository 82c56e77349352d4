"""Baryon acoustic oscillations: one tracer's block is one observation, and there are two kinds of block.

    anisotropic:   (D_M, D_H) / r_d ~ N(., [[s_M^2, corr s_M s_H], [corr s_M s_H, s_H^2]])
    isotropic:      D_V / r_d       ~ N(., s_V^2)

One encoder serves both. A block has two slots: `D_over_rd` holds D_M/r_d or D_V/r_d, `DH_over_rd` holds D_H/r_d or
nothing, and the covariate `anisotropic` (1 or 0) says which. An absent slot is filled with D_H/r_d = 1, error 1,
correlation 0 in simulations and real rows alike; its factor of the likelihood is left out.
"""

import numpy as np
import torch

from addend.errors import NegativeError, NotFinite
from addend.modality import Columns, Drawing, Field, Modality, Schema

from .distances import Coordinates, ratios
from .drawing import drawn
from .published import desi_dr2

Z = (0.05, 2.6)
RELATIVE_ERROR = (0.004, 0.12)
CORRELATION = (-0.8, 0.3)
ISOTROPIC = 0.3

PAIR = ("DM_over_rd", "DM_err", "DH_over_rd", "DH_err", "corr")
AVERAGE = ("DV_over_rd", "DV_err")
TABLE = Schema(
    observables=(
        Field("DM_over_rd", "1", "D_M / r_d of an anisotropic block", positive=True),
        Field("DH_over_rd", "1", "D_H / r_d of an anisotropic block", positive=True),
        Field("DV_over_rd", "1", "D_V / r_d of an isotropic block", positive=True),
    ),
    covariates=(
        Field("z", "1", "effective redshift", positive=True),
        Field("DM_err", "1", "error of DM_over_rd", positive=True, noise=True),
        Field("DH_err", "1", "error of DH_over_rd", positive=True, noise=True),
        Field("corr", "1", "correlation of these two errors, inside (-1, 1)", noise=True),
        Field("DV_err", "1", "error of DV_over_rd", positive=True, noise=True),
    ),
)
"""A user's table: each row leaves the cells of the other kind of block blank."""


class Bao(Modality):
    """Blocks of BAO distances in units of the sound horizon."""

    name = "bao"
    title = "Baryon acoustic oscillations"
    parameters = ("H0", "Om", "rd")
    table = TABLE
    schema = Schema(
        observables=(
            Field(
                "D_over_rd",
                "1",
                "D_M / r_d, or D_V / r_d in an isotropic block",
                positive=True,
                error="D_err",
            ),
            Field(
                "DH_over_rd", "1", "D_H / r_d", positive=True, error="DH_err", present="anisotropic"
            ),
        ),
        covariates=(
            Field("z", "1", "effective redshift", positive=True),
            Field("D_err", "1", "error of D_over_rd", positive=True, noise=True),
            Field(
                "DH_err",
                "1",
                "error of DH_over_rd (1 in an isotropic block)",
                positive=True,
                noise=True,
            ),
            Field(
                "corr", "1", "correlation of the two errors (0 in an isotropic block)", noise=True
            ),
            Field("anisotropic", "1", "1 for a block of D_M and D_H, 0 for D_V alone"),
        ),
    )

    def covariates(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """z uniform in log(1+z); errors log-uniform about distances at Om = 0.3, H0 r_d = 10^4 km/s; 30 % isotropic."""
        z = np.expm1(rng.uniform(*np.log1p(Z), n))
        anisotropic = rng.random(n) >= ISOTROPIC
        relative = np.exp(rng.uniform(*np.log(RELATIVE_ERROR), (2, n)))
        corr = rng.uniform(*CORRELATION, n)
        dm, dh, dv = ratios(z, np.full(n, 1e4), np.full(n, 0.3))
        return {
            "z": z,
            "D_err": relative[0] * np.where(anisotropic, dm, dv),
            "DH_err": np.where(anisotropic, relative[1] * dh, 1.0),
            "corr": np.where(anisotropic, corr, 0.0),
            "anisotropic": anisotropic.astype(np.float64),
        }

    def simulate(
        self, theta: np.ndarray, covariates: Columns, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """The two slots, given theta `(N, 3)` and N rows of covariates."""
        h0, om, rd = theta.T
        anisotropic, corr = covariates["anisotropic"] > 0, covariates["corr"]
        dm, dh, dv = ratios(covariates["z"], h0 * rd, om)
        first = rng.standard_normal(len(theta))
        second = corr * first + np.sqrt(1 - corr**2) * rng.standard_normal(len(theta))
        return {
            "D_over_rd": np.where(anisotropic, dm, dv) + covariates["D_err"] * first,
            "DH_over_rd": np.where(anisotropic, dh + covariates["DH_err"] * second, 1.0),
        }

    def read(self, table: Columns) -> dict[str, np.ndarray]:
        """Blocks from a table in which each row gives either D_M and D_H or D_V, and leaves the other blank (NaN)."""
        cells = _cells(table)
        anisotropic = _kind(cells)

        def slot(pair: str, average: np.ndarray | float) -> np.ndarray:
            return np.where(anisotropic, cells[pair], average)

        columns = {
            "D_over_rd": slot("DM_over_rd", cells["DV_over_rd"]),
            "DH_over_rd": slot("DH_over_rd", 1.0),
            "z": cells["z"],
            "D_err": slot("DM_err", cells["DV_err"]),
            "DH_err": slot("DH_err", 1.0),
            "corr": slot("corr", 0.0),
            "anisotropic": anisotropic.astype(np.float64),
        }
        self.schema.check(columns)
        _require_positive_definite(columns["corr"])
        return columns

    def sets(self) -> dict[str, dict[str, np.ndarray]]:
        """`desi_dr2`: the seven tracers of the second data release."""
        return {"desi_dr2": desi_dr2()}

    def origins(self) -> dict[str, str]:
        """Where the set was published."""
        return {"desi_dr2": "DESI Collaboration, 2025-03, arXiv:2503.14738"}

    def coordinates(self) -> torch.nn.Module:
        """(log(H0 r_d), Om)."""
        return Coordinates()

    def figure(self, columns: Columns, theta: np.ndarray) -> Drawing:
        """Every distance beside its prediction, scaled to be seen in one panel."""
        return drawn(columns, theta)


def _cells(table: Columns) -> dict[str, np.ndarray]:
    """The columns of TABLE, checked; NaN stays where a cell is blank."""
    cells = {
        name: np.asarray(table[name], dtype=np.float64) for name in TABLE.names if name in table
    }
    TABLE.check({name: np.where(np.isnan(values), 1.0, values) for name, values in cells.items()})
    return cells


def _kind(cells: dict[str, np.ndarray]) -> np.ndarray:
    """Whether each row is anisotropic; `NotFinite` unless it is exactly one of the two kinds."""
    pair = ~np.isnan([cells[name] for name in PAIR])
    average = ~np.isnan([cells[name] for name in AVERAGE])
    anisotropic = pair.all(axis=0) & ~average.any(axis=0)
    isotropic = average.all(axis=0) & ~pair.any(axis=0)
    neither = ~(anisotropic | isotropic)
    if neither.any():
        raise NotFinite(
            f"row {int(np.argmax(neither)) + 1} is neither a block of {', '.join(PAIR)} nor one of {', '.join(AVERAGE)}",
            "fill all cells of one kind and leave those of the other blank",
        )
    return np.asarray(anisotropic)


def _require_positive_definite(corr: np.ndarray) -> None:
    if (np.abs(corr) >= 1).any():
        row = int(np.argmax(np.abs(corr) >= 1))
        raise NegativeError(
            f"column 'corr' must lie between -1 and 1, found {corr[row]:g} in row {row + 1}: no such covariance",
            "correct the table",
        )
