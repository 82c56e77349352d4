"""The directions of theta that data identify.

Where psi is blind (BAO knows H0 and r_d by their product alone), J = Var(grad psi) is singular and its inverse means
the inverse on the rest. `whitener` finds the rest free of units: it scales each parameter by the root mean square of
its score first, so that a blind direction shows as an eigenvalue of rounding size, whatever the units.
"""

import numpy as np

from ..numerics.linear import applied, eigh, product

TOLERANCE = 1e-8


def whitener(covariance: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """W `(P, r)` with W' C W = 1 on the r directions that C `(P, P)` identifies.

    Arguments:
        covariance: C, symmetric and positive semi-definite.
        scale: A positive number `(P,)` per parameter, in the units of C's diagonal; 0 where there is none.
    """
    s = np.sqrt(np.where(scale > 0, scale, 1.0))
    values, vectors = eigh(covariance / np.outer(s, s))
    kept = values > TOLERANCE
    return vectors[:, kept] / np.sqrt(values[kept]) / s[:, None]


def outside(vector: np.ndarray, covariance: np.ndarray, scale: np.ndarray) -> float:
    """The squared length of what `vector` `(P,)` has outside the identified directions, in units of `scale`."""
    s = np.sqrt(np.where(scale > 0, scale, 1.0))
    values, vectors = eigh(covariance / np.outer(s, s))
    return float((applied(vectors[:, values <= TOLERANCE], vector / s) ** 2).sum())


def pseudo_inverse(matrix: np.ndarray) -> np.ndarray:
    """The inverse `(P, P)` of a symmetric matrix on the directions it identifies."""
    w = whitener(matrix, np.abs(np.diagonal(matrix)))
    return product(w, w.T)
