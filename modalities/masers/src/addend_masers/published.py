"""The published numbers: six galaxies of the Megamaser Cosmology Project (Pesce et al. 2020, arXiv:2001.09213, table 1).

Distances are medians with 16 and 84 per cent offsets; velocities are in the frame of the cosmic microwave background,
optical convention, with measurement errors alone.
"""

import numpy as np

GALAXIES = {
    # D, its error below and above [Mpc]; v and its error [km/s]
    "UGC 3789": (51.5, 4.0, 4.5, 3319.9, 0.8),
    "NGC 6264": (132.1, 17.0, 21.0, 10192.6, 0.8),
    "NGC 6323": (109.4, 23.0, 34.0, 7801.5, 1.5),
    "NGC 5765b": (112.2, 5.1, 5.4, 8525.7, 0.7),
    "CGCG 074-064": (87.6, 7.2, 7.9, 7172.2, 1.9),
    "NGC 4258": (7.58, 0.11, 0.11, 679.3, 0.4),
}


def pesce2020() -> dict[str, np.ndarray]:
    """The six galaxies as a table."""
    return dict(
        zip(
            ("D", "D_err_minus", "D_err_plus", "v", "v_err"),
            np.array(list(GALAXIES.values())).T,
            strict=True,
        )
    )
