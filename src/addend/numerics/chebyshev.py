r"""Chebyshev polynomials: interpolation on [-1, 1] whose error falls geometrically in the number of nodes.

    x_j = cos(pi (j + 1/2) / n),      T_k(x) = cos(k arccos x),      a_k = (2 - [k = 0]) / n  sum_j f(x_j) T_k(x_j),

after which sum_{k < n} a_k T_k(x) is the polynomial through all f(x_j) (Trefethen, *Approximation Theory and Approximation
Practice*, chapters 3 and 8). The sum over j is a discrete cosine transform, T_k(x_j) = cos(pi k (j + 1/2) / n).
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .designs import lattice

TRIED, HELD_OUT = (5, 7, 9), 16


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


def cardinals_in_all(x: Tensor, n: int) -> Tensor:
    """The same of D coordinates `(B, D)`: one at its own of n^D nodes and zero at the others, `(B, n^D)`, the last fastest."""
    share = x.new_ones(len(x), 1)
    for d in range(x.shape[1]):
        share = (share[:, :, None] * cardinals(x[:, d], n)[:, None, :]).flatten(1)
    return share


def between_nodes(f: Callable[[Tensor], Tensor], x: Tensor, off: float) -> Tensor:
    """Smooth functions at many points of a small box, from their values at few nodes of it, where these suffice.

    Arguments:
        f: Points `(J, D)` to T functions at each, `(T, J)`.
        x: The points `(G, D)`.
        off: The most that any of them may be off by, at the first of the points; where it is more, f is asked for all.

    Returns:
        `(T, G)`.
    """
    low, high = x.min(0).values, x.max(0).values
    half = ((high - low) / 2).clamp(min=torch.finfo(x.dtype).tiny)
    unit, exact = (x - (high + low) / 2) / half, f(x[:HELD_OUT])
    for n in TRIED:
        if 2 * n ** x.shape[1] > len(x):
            break
        grid = lattice(*[nodes(n)] * x.shape[1])
        share = cardinals_in_all(unit, n)
        found = f((high + low) / 2 + grid * half) @ share.T
        if float((found[:, :HELD_OUT] - exact).abs().max()) <= off:
            return found
    return f(x)
