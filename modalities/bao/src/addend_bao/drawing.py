"""What BAO measure against redshift: D_M, z D_H and D_V in units of r_d z^(2/3), which brings all three to one scale."""

import numpy as np

from addend.modality import Columns, Drawing, Points

from .distances import ratios

KINDS = {
    # label: which of (D_M, D_H, D_V), in blocks of which kind, in which columns, times which power of z
    "$D_M$": (0, True, "D_over_rd", "D_err", -2 / 3),
    "$z D_H$": (1, True, "DH_over_rd", "DH_err", 1 / 3),
    "$D_V$": (2, False, "D_over_rd", "D_err", -2 / 3),
}


def drawn(columns: Columns, theta: np.ndarray) -> Drawing:
    """Blocks beside what each theta `(J, 3)` = (H0, Om, r_d) predicts; a kind of distance that nobody measured is left out."""
    z, anisotropic = columns["z"], columns["anisotropic"] > 0
    line = np.geomspace(0.7 * z.min(), 1.05 * z.max(), 100)
    series = {}
    for label, (i, kind, value, error, power) in KINDS.items():
        at = {name: values[anisotropic == kind] for name, values in columns.items()}
        if len(at["z"]):
            scale = at["z"] ** power
            expected, curve = (_ratio(i, u, theta) * u**power for u in (at["z"], line))
            series[label] = Points(
                at["z"], at[value] * scale, at[error] * scale, expected, line, curve
            )
    return Drawing(
        "Distances from baryon acoustic oscillations",
        "redshift $z$",
        r"distance $/\,(r_d\,z^{2/3})$",
        series,
    )


def _ratio(i: int, z: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """`(J, N)`."""
    h0, om, rd = theta.T[:, :, None]
    return ratios(z, h0 * rd, om)[i]
