r"""What is not known of an event: masses, inclination, polarisation, phase, time; and what is, of its host.

    ln(Mc / M_sun) ~ N(ln 26, 0.12) at the source,   q ~ U(0.5, 1),   cos iota ~ U(-1, 1),   psi ~ U(0, pi),
    phi ~ U(0, 2 pi),   t ~ U(-10 ms, 10 ms) around `MERGER`,   z_cosmological ~ N(z, z_err)

An event is detected where the loudest filter of a bank, at the host's direction, has a network signal-to-noise ratio of 8:
detection is a function of the strain and of what is known beforehand (methods, selection).
"""

import numpy as np

MASS, SPREAD = float(np.log(26.0)), 0.12
"""Of ln Mc at the source, Mc in M_sun."""
RATIO = (0.5, 1.0)
"""m2 / m1."""
WINDOW = 0.010
"""Half the range of times [s]."""
THRESHOLD = 8.0
REDSHIFTS = (0.1, 0.3)
ERRORS = (0.0005, 0.0015)
"""Of a host's redshift, mostly its peculiar velocity: 150 to 450 km/s."""


def symmetric(q: np.ndarray) -> np.ndarray:
    """eta of a ratio of masses."""
    return np.asarray(q / (1 + q) ** 2)


def ratios(n: int) -> tuple[np.ndarray, np.ndarray]:
    """eta `(n,)` and weights `(n,)` of a Gauss-Legendre rule in q."""
    x, w = np.polynomial.legendre.leggauss(n)
    low, high = RATIO
    return symmetric(low + (high - low) * (x + 1) / 2), w / 2


def masses(step: float, reach: float = 3.5) -> np.ndarray:
    """ln Mc at the detector, every `step`, over what the law of Mc and the redshifts allow."""
    low = MASS + np.log1p(REDSHIFTS[0]) - reach * SPREAD
    high = MASS + np.log1p(REDSHIFTS[1]) + reach * SPREAD
    return np.linspace(low, high, 1 + int(np.ceil((high - low) / step)))
