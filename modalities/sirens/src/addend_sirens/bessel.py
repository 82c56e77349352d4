r"""log I_0, the average over a phase, as a function that is smooth everywhere and made of operations that a program may hold.

    log I_0(x) = s - 1 - 1/4 log(1 + (pi / 2)^2 (s^2 - 1)) + r(t),     s = sqrt(1 + x^2),   t = 1 - 2 / s^1/2

The first part has the right behaviour at both ends; r is bounded, and a polynomial fits it to 1e-7 (`tests/test_sirens.py`).
"""

import numpy as np
import torch
from numpy.polynomial import chebyshev
from scipy.special import i0e
from torch import Tensor

DEGREE = 22


def _ends(s: np.ndarray) -> np.ndarray:
    return np.asarray(s - 1 - 0.25 * np.log1p((np.pi / 2) ** 2 * (s**2 - 1)))


def _rest(t: np.ndarray) -> np.ndarray:
    s = (2 / (1 - t)) ** 2
    x = np.sqrt(s**2 - 1)
    return np.asarray(np.log(i0e(x)) + x - _ends(s))


def _fit() -> list[float]:
    """The polynomial's coefficients, of falling powers."""
    # the ends of the range, x = 0 and infinity, are limits
    t = np.cos(np.pi * (np.arange(400) + 0.5) / 400) * (1 - 1e-4)
    powers = chebyshev.cheb2poly(chebyshev.chebfit(t, _rest(t), DEGREE))
    return [float(c) for c in powers[::-1]]


COEFFICIENTS = _fit()


def log_i0(square: Tensor) -> Tensor:
    """log I_0(x) in nats of x^2 `(*,)`, from zero to 1e8."""
    s = torch.sqrt(1 + square)
    t = 1 - 2 / torch.sqrt(s)
    r = torch.full_like(t, COEFFICIENTS[0])
    for c in COEFFICIENTS[1:]:
        r = r * t + c
    return s - 1 - 0.25 * torch.log1p((np.pi / 2) ** 2 * square) + r
