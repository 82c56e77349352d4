"""The convergence's power spectrum C_l(Om, sigma8), read from the table that `tabulate.py` made with CAMB."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from addend.errors import BadSetting


@dataclass(frozen=True)
class Table:
    """log C_l as Chebyshev coefficients in log Om and log sigma8.

    Arguments:
        om, sigma8: The ranges.
        ell: Multipoles `(L,)`, evenly spaced in their logarithm.
        coefficients: `(I, J, L)`.
        error: The largest error of log C_l at held-out cosmologies.
    """

    om: tuple[float, float]
    sigma8: tuple[float, float]
    ell: np.ndarray
    coefficients: np.ndarray
    error: float

    def log_c(self, theta: np.ndarray) -> np.ndarray:
        """log C_l `(N, L)`, C_l in sr, at theta = (Om, sigma8) `(N, 2)`; `BadSetting` outside the table."""
        unit = [
            2 * np.log(values / low) / np.log(high / low) - 1
            for values, (low, high) in zip(theta.T, (self.om, self.sigma8), strict=True)
        ]
        if np.abs(unit).max(initial=0) > 1 + 1e-6:
            said = f"the spectrum is tabulated for Om {self.om} and sigma8 {self.sigma8}"
            raise BadSetting(said, "narrow the bounds of the agreement, or tabulate again")
        n, m, _ = self.coefficients.shape
        a, b = (
            np.polynomial.chebyshev.chebvander(x, k - 1) for x, k in zip(unit, (n, m), strict=True)
        )
        return np.einsum("ni,iml,nm->nl", a, self.coefficients, b, optimize=True)

    def at(self, theta: np.ndarray, ell: np.ndarray) -> np.ndarray:
        """C_l `(N, *)` in sr at multipoles `(*,)`; zero at l = 0, whose power no map of this size shows."""
        inside = np.clip(ell.reshape(-1), self.ell[0], self.ell[-1])
        found = np.exp(CubicSpline(np.log(self.ell), self.log_c(theta), axis=1)(np.log(inside)))
        found[:, ell.reshape(-1) == 0] = 0.0
        return found.reshape(len(theta), *ell.shape)


@cache
def table() -> Table:
    """The table that ships."""
    said = json.loads((Path(__file__).parent / "spectrum.json").read_text())
    om, sigma8 = (tuple(said[k]) for k in ("Om", "sigma8"))
    return Table(om, sigma8, np.array(said["l"]), np.array(said["coefficients"]), said["error"])
