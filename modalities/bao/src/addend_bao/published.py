"""The published numbers: DESI DR2 BAO, all tracers (DESI Collaboration 2025, arXiv:2503.14738, table IV).

Digits are those of the public Gaussian likelihood. That lists D_H before D_M in its last block, z = 2.33: here every
row has the order of its heading.
"""

import numpy as np

Z_DM_DH_COV = np.array([
    # z, D_M/r_d, D_H/r_d, var(D_M/r_d), var(D_H/r_d), cov(D_M/r_d, D_H/r_d)
    [0.510, 13.58758434, 21.86294686, 2.83473742e-02, 1.83928040e-01, -3.26062007e-02],
    [0.706, 17.35069094, 19.45534918, 3.23752442e-02, 1.11469198e-01, -2.37445646e-02],
    [0.934, 21.57563956, 17.64149464, 2.61732816e-02, 4.04183878e-02, -1.12938006e-02],
    [1.321, 27.60085612, 14.17602155, 1.05336516e-01, 5.04233092e-02, -2.90308418e-02],
    [1.484, 30.51190063, 12.81699964, 5.83020277e-01, 2.68336193e-01, -1.95215562e-01],
    [2.330, 38.988973961958784, 8.631545674846294, 2.82685779e-01, 1.02136194e-02, -2.31395216e-02],
])  # fmt: skip

Z_DV_VAR = (0.295, 7.94167639, 5.78998687e-03)
"""z, D_V/r_d and its variance, of the one tracer that has the isotropic average alone."""


def desi_dr2() -> dict[str, np.ndarray]:
    """The seven blocks as a table, in order of redshift; NaN is a blank cell."""
    z, dm, dh, var_dm, var_dh, cov = Z_DM_DH_COV.T
    z_iso, dv, var_dv = Z_DV_VAR
    pair = {
        "z": z, "DM_over_rd": dm, "DM_err": np.sqrt(var_dm), "DH_over_rd": dh, "DH_err": np.sqrt(var_dh),
        "corr": cov / np.sqrt(var_dm * var_dh),
    }  # fmt: skip
    isotropic = {"z": z_iso, "DV_over_rd": dv, "DV_err": np.sqrt(var_dv)}
    blank = np.full(len(z), np.nan)
    names = [*pair, "DV_over_rd", "DV_err"]
    return {
        name: np.concatenate([[isotropic.get(name, np.nan)], pair.get(name, blank)])
        for name in names
    }
