"""The published numbers: 15 measurements of H(z), and the systematics they share, in per cent of H.

H(z) with BC03 stellar models: Moresco et al. 2012 (arXiv:1201.3609), 2015 (arXiv:1503.01116), 2016 (arXiv:1601.01701),
compiled in Moresco et al. 2020 (arXiv:2003.07362), whose section on the total covariance gives the percentages: the
contribution of the stellar initial mass function (IMF), and of the stellar population synthesis model (SPS) with the
model that stands apart from the others left out.
"""

import numpy as np

Z_H_ERR = np.array([
    # z, H and its diagonal error [km/s/Mpc]
    [0.1791, 74.91, 3.8069262], [0.1993, 74.96, 4.9001352], [0.3519, 82.78, 13.94843],
    [0.3802, 83.0, 13.54], [0.4004, 76.97, 10.18], [0.4247, 87.08, 11.24],
    [0.4497, 92.78, 12.9], [0.4783, 80.91, 9.044], [0.5929, 103.8, 12.49752],
    [0.6797, 91.6, 7.961872], [0.7812, 104.5, 12.19515], [0.8754, 125.1, 16.70085],
    [1.037, 153.7, 19.6736], [1.363, 160.0, 32.63], [1.965, 186.5, 49.58],
])  # fmt: skip

GRID_Z = 0.075 + 0.05 * np.arange(29)
"""Redshifts of the percentages: 0.075 to 1.475."""

PERCENT_IMF = np.array([
    0.47, 0.47, 0.47, 0.47, 0.47, 0.47, 0.47, 0.47, 0.46, 0.23, 0.28, 0.47, 0.47, 0.47, 0.45,
    0.47, 0.47, 0.44, 0.40, 0.27, 0.20, 0.20, 0.19, 0.19, 0.19, 0.20, 0.19, 0.19, 0.20,
])  # fmt: skip

PERCENT_SPS = np.array([
    9.91, 6.98, 5.40, 5.40, 5.40, 5.40, 5.40, 6.20, 5.86, 6.51, 6.12, 6.21, 5.71, 5.16, 5.05,
    5.05, 2.79, 3.70, 3.65, 3.37, 3.49, 2.33, 2.33, 2.33, 2.33, 2.34, 2.34, 2.33, 2.34,
])  # fmt: skip


def moresco2020() -> dict[str, np.ndarray]:
    """The 15 rows as a table; percentages are interpolated linearly in z and held constant beyond their grid."""
    z, h, h_err = Z_H_ERR.T
    d_imf, d_sps = (
        h * np.interp(z, GRID_Z, percent) / 100 for percent in (PERCENT_IMF, PERCENT_SPS)
    )
    return {"z": z, "H": h, "H_err": h_err, "d_imf": d_imf, "d_sps": d_sps}
