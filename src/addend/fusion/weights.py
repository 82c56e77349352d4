r"""Weights of the terms: those of largest Godambe information.

The w_m of `weights: godambe` come from the J and H of the encoders' records (`calibration.sandwich`), at the cell next to
theta_hat of the unweighted sum. A constraint is exact and keeps the weight 1; without constraints the largest w_m is 1. A
weighted sum is no log-likelihood: its curvature, profiles and posterior are no errors, while the sandwich and calibrated
intervals hold.
"""

import numpy as np

from ..calibration import Record
from ..calibration.sandwich import godambe_weights
from ..errors import BadSetting
from ..maximum.modes import maximise
from ..parameters import ParameterSpace
from ..scalar import Constraint, Sum
from .terms import Terms


def godambe_factors(terms: Terms, seed: int) -> dict[str, float]:
    """w_m by modality, of an S that is not yet weighted; `seed` is that of the search for theta_hat.

    Raises:
        BadSetting: A record holds no moments of the score.
    """
    scalar, names = terms.scalar, terms.used
    theta = maximise(scalar, seed).theta.numpy()
    moments = [
        _moments(m, terms.records[m], terms.psi[m].space, scalar.space, theta) for m in names
    ]
    H, J = (np.array(each) for each in zip(*moments, strict=True))
    known, n = _constraints(scalar), np.array([terms.n[m] for m in names])
    if not known.any():
        return dict(zip(names, godambe_weights(n, H, J).tolist(), strict=True))
    *found, exact = godambe_weights(np.array([*n, 1]), np.array([*H, known]), np.array([*J, known]))
    return dict(zip(names, (np.array(found) / exact).tolist(), strict=True))


def _moments(
    name: str, record: Record | None, own: ParameterSpace, space: ParameterSpace, theta: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """H and J of an observation `(D, D)` at the cell of its record next to theta `(D,)`, zero in what it does not know."""
    if record is None or "score" not in record.parts:
        raise BadSetting(
            f"the record of '{name}' has no moments of the score, which 'weights: godambe' takes",
            f"run 'addend calibrate {name}' and register it, or leave 'weights' out",
        )
    moments, columns = record.parts["score"], space.index(own.names)
    u = own.to_unit(moments.cells) - own.to_unit(theta[columns])
    near, found = (u**2).sum(axis=1).argmin(), np.zeros((2, len(space), len(space)))
    found[:, np.array(columns)[:, None], columns] = moments.H[near], moments.J[near]
    return found[0], found[1]


def _constraints(scalar: Sum) -> np.ndarray:
    """H = J `(D, D)` of all constraints together."""
    known = np.zeros((len(scalar.space),) * 2)
    for part, columns in zip(scalar.parts, scalar.columns, strict=True):
        if isinstance(part, Constraint):
            known[columns[0], columns[0]] += part.std**-2
    return known
