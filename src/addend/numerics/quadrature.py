r"""Product rules: an integral over a few dimensions as a sum over a grid of nodes.

    int f(z) dz  =  sum_g w_g f(z_g)

On an even grid that spans all of a smooth f the error falls faster than any power of the spacing (the trapezoidal rule:
Trefethen & Weideman, SIAM Review 56 (2014) 385); on an interval that cuts f off, Gauss and Legendre's nodes do as well.
"""

import numpy as np
import torch
from torch import Tensor

from .designs import lattice


def even(z: np.ndarray, nodes: int, span: float = 8.0) -> tuple[np.ndarray, np.ndarray]:
    """Nodes `(K, G, Z)` over `span` standard deviations either side of the mean of z `(K, n, Z)`, and log of a cell `(K,)`.

    Arguments:
        z: n draws of each of K laws.
        nodes: Nodes a dimension.
        span: Eight deviations leave 1e-15 of a Gaussian outside.
    """
    mean, std, line = z.mean(axis=1), z.std(axis=1), np.linspace(-span, span, nodes)
    points = lattice(*[torch.from_numpy(line)] * z.shape[2]).numpy()
    return mean[:, None] + std[:, None] * points, np.log(std * (line[1] - line[0])).sum(axis=1)


def legendre(d: int, nodes: int) -> tuple[Tensor, Tensor]:
    """Gauss and Legendre's nodes `(G, d)` on [-1, 1]^d and the logarithms of their weights `(G,)`."""
    x, w = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(nodes))
    return lattice(*[x] * d), lattice(*[w.log()] * d).sum(dim=1)
