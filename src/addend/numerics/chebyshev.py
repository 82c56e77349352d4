r"""Chebyshev polynomials: interpolation on [-1, 1] whose error falls geometrically in the number of nodes.

    x_j = cos(pi (j + 1/2) / n),      T_k(x) = cos(k arccos x),      a_k = (2 - [k = 0]) / n  sum_j f(x_j) T_k(x_j),

after which sum_{k < n} a_k T_k(x) is the polynomial through all f(x_j) (Trefethen, *Approximation Theory and Approximation
Practice*, chapters 3 and 8). The sum over j is a discrete cosine transform, T_k(x_j) = cos(pi k (j + 1/2) / n).
"""

import numpy as np
import torch
from torch import Tensor


def nodes(n: int) -> Tensor:
    """x_j `(n,)`, falling, float64."""
    return torch.from_numpy(np.cos(np.pi * (np.arange(n) + 0.5) / n))


def polynomials(x: Tensor, n: int) -> Tensor:
    """T_0 ... T_{n-1} `(*, n)` at x `(*,)`, by their recurrence, which has derivatives everywhere, at the ends too."""
    t = [torch.ones_like(x), x]
    for _ in range(n - 2):
        t.append(2 * x * t[-1] - t[-2])
    return torch.stack(t[:n], dim=-1)


def transform(n: int) -> Tensor:
    """The matrix `(n, n)` that takes the values at the nodes to the coefficients a_k, float64."""
    j, k = np.arange(n) + 0.5, np.arange(n)[:, None]
    return torch.from_numpy(np.where(k == 0, 1.0, 2.0) / n * np.cos(np.pi * k * j / n))


def cardinals(x: Tensor, n: int) -> Tensor:
    """The polynomials `(*, n)` at x `(*,)` that are one at their own node and zero at the others."""
    return polynomials(x, n) @ transform(n).to(x)
