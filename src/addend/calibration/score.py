"""The score identities: what a log-likelihood's gradient must do under its own simulator.

For g = grad psi(x; theta), x drawn at theta, an exact psi has

    b(theta) = E[g] = 0,      J(theta) = Var[g]  =  H(theta) = -E[grad grad psi].

b is tested by Hotelling's T^2 = R b' J^{-1} b, for R simulations ~ p (R - 1)/(R - p) F(p, R - p) (Annals of
Mathematical Statistics 2 (1931) 360). The eigenvalues of H^{-1} J are 1 for an exact psi and exceed 1 where psi is
over-confident: its curvature then promises more than its score delivers, and intervals read from it are too short. The
sandwich H^{-1} J H^{-1} mends widths, never b. All of it on the directions that psi identifies at all (`subspace`).

Where theta hardly moves the data (y = b + a^2 t near a = 0) J and H both vanish, and H, a mean of second derivatives that
cancel, by no means as fast for a learned psi: their ratio says nothing there. It is taken where a cell holds information, in
directions whose J is at least `LITTLE` of the mean of J over the cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc

from ..errors import TooFewSimulations
from ..numerics.linear import applied, eigh, eigvalsh, product, within
from ..numerics.tails import chi2_above
from .additive import Additive, setting, summed
from .subspace import outside, whitener

LITTLE = 0.1
FLAT = 1e-6
"""A curvature, in units of J, that stands for one that is not positive."""


@dataclass(frozen=True, eq=False)
class ScoreMoments(Additive):
    """Sums over simulations at K cells of theta.

    Arguments:
        names: The P parameters, in the order of the columns.
        cells: theta of each cell `(K, P)`.
        n: Simulations in each `(K,)`.
        gradient, outer, hessian: Sums of g `(K, P)`, of g g' and of the Hessian of psi `(K, P, P)`.
    """

    names: tuple[str, ...]
    cells: np.ndarray = setting()
    n: np.ndarray = summed()
    gradient: np.ndarray = summed()
    outer: np.ndarray = summed()
    hessian: np.ndarray = summed()

    @classmethod
    def measure(
        cls,
        names: Sequence[str],
        cells: ArrayLike,
        index: ArrayLike,
        gradient: ArrayLike,
        hessian: ArrayLike,
    ) -> "ScoreMoments":
        """The sums over simulations `i`, drawn at `cells[index[i]]`.

        Arguments:
            index: The cell of each `(N,)`, integers.
            gradient, hessian: grad psi `(N, P)` and grad grad psi `(N, P, P)` at that cell, nats per unit of theta.
        """
        cells, gradient = (
            np.asarray(cells, dtype=np.float64),
            np.asarray(gradient, dtype=np.float64),
        )
        outer = gradient[:, :, None] * gradient[:, None, :]
        sums = [
            _by_cell(index, rows, len(cells))
            for rows in (np.ones(len(gradient)), gradient, outer, hessian)
        ]
        return cls(tuple(names), cells, *sums)

    @property
    def bias(self) -> np.ndarray:
        """b `(K, P)`: the mean score."""
        return self.gradient / self._enough()[:, None]

    @property
    def J(self) -> np.ndarray:
        """Var(g) `(K, P, P)`, unbiased."""
        n = self._enough()[:, None, None]
        return (self.outer - n * self.bias[:, :, None] * self.bias[:, None, :]) / (n - 1)

    @property
    def H(self) -> np.ndarray:
        """-E[grad grad psi] `(K, P, P)`."""
        mean = self.hessian / self._enough()[:, None, None]
        return -(mean + mean.transpose(0, 2, 1)) / 2

    @property
    def scale(self) -> np.ndarray:
        """E[g^2] `(K, P)`, in which blind directions are told from identified ones."""
        return np.diagonal(self.outer, axis1=1, axis2=2) / self._enough()[:, None]

    def _enough(self) -> np.ndarray:
        if self.n.size == 0 or self.n.min() < len(self.names) + 4:
            raise TooFewSimulations(
                f"a cell of theta has {self.n.min(initial=0):.0f} simulations, expected at least {len(self.names) + 4}",
                "simulate more at each cell, or measure at fewer cells",
            )
        return self.n


def squared_bias(moments: ScoreMoments) -> tuple[np.ndarray, np.ndarray]:
    """b' J^{-1} b `(K,)` as measured, noise included, and the number of identified directions p `(K,)`.

    Infinite where b has a part in a direction in which no observation differs from another: a slope of psi in theta
    that no data put there.
    """
    found = [
        _squared(b, J, s) for b, J, s in zip(moments.bias, moments.J, moments.scale, strict=True)
    ]
    return np.array([f[0] for f in found]), np.array([f[1] for f in found])


def claimed_bias(moments: ScoreMoments) -> tuple[np.ndarray, list[np.ndarray]]:
    """b' H^{-1} b `(K,)` as measured, noise included, and the eigenvalues of H^{-1} J of each cell.

    The squared shift of theta_hat in the error that one observation's curvature claims, where there is information.
    """
    sizes = []
    for w, b, H in zip(informed(moments), moments.bias, moments.H, strict=True):
        values, vectors = eigh(within(w, H))
        sizes.append(((vectors.T @ (w.T @ b)) ** 2 / np.maximum(values, FLAT)).sum())
    return np.array(sizes), information_ratio(moments)


def hotelling(moments: ScoreMoments) -> np.ndarray:
    """P-values `(K,)` of b = 0, one a cell; each below alpha in a fraction alpha of exact encoders."""
    (size, p), n = squared_bias(moments), moments.n
    f = n * size * (n - p) / (np.maximum(p, 1) * (n - 1))
    return np.where(p > 0, fdtrc(np.maximum(p, 1), n - p, f), np.where(size > 0, 0.0, 1.0))


def pooled_p_value(moments: ScoreMoments) -> float:
    """One p-value of b = 0 at all cells together: the sum of R b' J^{-1} b, scaled to mean p, against chi^2."""
    size, p = squared_bias(moments)
    t2 = moments.n * size * (moments.n - p - 2) / (moments.n - 1)
    return float(chi2_above(t2.sum(), max(p.sum(), 1)))


def informed(moments: ScoreMoments) -> list[np.ndarray]:
    """W `(P, r)` of each cell, W' J W = 1, on the directions in which it holds information."""
    mean = moments.J.mean(axis=0)
    scale = whitener(mean, np.diagonal(mean))
    found = []
    for J in moments.J:
        values, vectors = eigh(within(scale, J))
        kept = values > LITTLE
        found.append(product(scale, vectors[:, kept]) / np.sqrt(values[kept]))
    return found


def uninformed(moments: ScoreMoments) -> np.ndarray:
    """How many directions `(K,)` of each cell psi identifies, but by so little that its curvature says nothing."""
    told = [whitener(J, s).shape[1] for J, s in zip(moments.J, moments.scale, strict=True)]
    return np.maximum(np.array(told) - [w.shape[1] for w in informed(moments)], 0)


def information_ratio(moments: ScoreMoments) -> list[np.ndarray]:
    """Eigenvalues of H^{-1} J, one array a cell, ascending, where there is information; above 1 is over-confident.

    At most 10^6, which stands for a mean curvature that is not positive.
    """
    cells = zip(informed(moments), moments.H, strict=True)
    return [np.sort(1 / np.maximum(eigvalsh(within(w, H)), FLAT)) for w, H in cells]


def pooled_ratio(moments: ScoreMoments) -> float:
    """The mean of tr(H^{-1} J) / p over the cells, each weighted by its p: one number, 1 for an exact psi."""
    ratios = np.concatenate(information_ratio(moments))
    return float(ratios.mean()) if ratios.size else 1.0


def _squared(b: np.ndarray, J: np.ndarray, scale: np.ndarray) -> tuple[float, int]:
    w = whitener(J, scale)
    return (np.inf if outside(b, J, scale) > 1e-6 else float((applied(w, b) ** 2).sum())), w.shape[
        1
    ]


def _by_cell(index: ArrayLike, rows: ArrayLike, cells: int) -> np.ndarray:
    total = np.zeros((cells, *np.shape(rows)[1:]))
    np.add.at(total, np.asarray(index), rows)
    return total
