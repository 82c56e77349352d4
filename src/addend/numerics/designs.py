r"""Points that cover a box evenly: Sobol' sequences, and grids.

The i-th point of a Sobol' sequence (USSR Comput. Math. Math. Phys. 7 (1967) 86) has the coordinates

    u_id = (i_1 v_d1) xor (i_2 v_d2) xor ...,        i_k the binary digits of i, v_dk the direction numbers of coordinate d,

so that any 2^k consecutive points from a multiple of 2^k on hold one point in each of the 2^k intervals of every axis. A
seed scrambles it: random lower triangular binary matrices and a random shift, after which each point is uniform by itself
(Matousek, J. Complexity 14 (1998) 527).
"""

import torch
from torch import Tensor

STEP = (5**0.5 - 1) / 2
"""A step along an axis that no dyadic fraction is."""


def sobol(d: int, n: int, seed: int | None = None, start: int = 0) -> Tensor:
    """n points `(n, d)` of the unit cube after the first `start`, float64; scrambled by `seed`, or as they are without one."""
    engine = torch.quasirandom.SobolEngine(d, scramble=seed is not None, seed=seed)
    points: Tensor = engine.fast_forward(start).draw(n, dtype=torch.float64)
    return points


def held_out(d: int, n: int) -> Tensor:
    """n points `(n, d)` of the unit cube at which what was made of others is tested: always the same, and in no design.

    A scrambled sequence moved along every axis, round the cube (Cranley and Patterson, SIAM J. Numer. Anal. 13 (1976) 904).
    """
    return (sobol(d, n, seed=0) + STEP) % 1


def lattice(*axes: Tensor) -> Tensor:
    """Every combination `(n_1 ... n_D, D)` of the values `(n_d,)` of D axes, the last axis fastest."""
    return torch.cartesian_prod(*axes).reshape(-1, len(axes))
