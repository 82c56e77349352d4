r"""Multivariate Student laws: proposals of importance sampling, whose tails are heavier than what is integrated.

    q(z) ~ [ 1 + (z - m)' Q^{-1} (z - m) / nu ]^{-(nu + Z) / 2},        z = m + y / sqrt(g),  y ~ N(0, Q),  g ~ chi^2_nu / nu

(Kotz & Nadarajah, *Multivariate t Distributions and Their Applications*, 2004). With four degrees of freedom the weights
p/q of any p with a normal or exponential tail are bounded, and so is their variance.
"""

import numpy as np
from scipy.special import gammaln

from .linear import applied, covariance, eigh

FREEDOM = 4.0


def student(
    location: np.ndarray,
    shape: np.ndarray,
    n: int,
    rng: np.random.Generator,
    freedom: float = FREEDOM,
) -> tuple[np.ndarray, np.ndarray]:
    """n draws `(n, Z)` of the law around m `(Z,)` with Q `(Z, Z)`, and their log-density `(n,)`."""
    values, vectors = eigh(shape)
    Z = len(values)
    normal = rng.standard_normal((n, Z))
    t = normal / np.sqrt(rng.chisquare(freedom, n) / freedom)[:, None]
    constant = gammaln((freedom + Z) / 2) - gammaln(freedom / 2)
    constant -= 0.5 * (Z * np.log(freedom * np.pi) + np.log(values).sum())
    log_q = constant - (freedom + Z) / 2 * np.log1p((t**2).sum(axis=1) / freedom)
    return location + applied((vectors * np.sqrt(values)).T, t), log_q


def student_around(
    z: np.ndarray, n: int, rng: np.random.Generator, inflation: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    """The same for mean and covariance of z `(N, Z)`, the latter `inflation` times as large."""
    return student(z.mean(axis=0), inflation * covariance(z), n, rng)
