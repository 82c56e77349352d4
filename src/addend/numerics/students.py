r"""Multivariate Student laws: proposals of importance sampling, whose tails are heavier than what is integrated.

    q(z) ~ [ 1 + (z - m)' Q^{-1} (z - m) / nu ]^{-(nu + Z) / 2},        z = m + y / sqrt(g),  y ~ N(0, Q),  g ~ chi^2_nu / nu

(Kotz & Nadarajah, *Multivariate t Distributions and Their Applications*, 2004). With four degrees of freedom the weights
p/q of any p with a normal or exponential tail are bounded, and so is their variance.
"""

import numpy as np
from scipy.stats import multivariate_t

FREEDOM = 4.0


def student(
    location: np.ndarray,
    shape: np.ndarray,
    n: int,
    rng: np.random.Generator,
    freedom: float = FREEDOM,
) -> tuple[np.ndarray, np.ndarray]:
    """n draws `(n, Z)` of the law around m `(Z,)` with Q `(Z, Z)`, and their log-density `(n,)`."""
    law = multivariate_t(loc=location, shape=shape, df=freedom)
    draws = np.reshape(law.rvs(n, random_state=rng), (n, len(location)))
    return draws, np.reshape(law.logpdf(draws), n)


def student_around(
    z: np.ndarray, n: int, rng: np.random.Generator, inflation: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    """The same for mean and covariance of z `(N, Z)`, the latter `inflation` times as large."""
    covariance = np.cov(z, rowvar=False).reshape(z.shape[1], z.shape[1])
    return student(z.mean(axis=0), covariance * inflation, n, rng)
