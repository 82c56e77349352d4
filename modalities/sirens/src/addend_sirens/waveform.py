r"""The inspiral of two compact objects as detectors hear it: the quadrupole's amplitude, a phase to second post-Newtonian order.

    h(f) = A f^-7/6 w(f) exp(i Psi(f)),    A = sqrt(5 / 24) pi^-2/3 c (G Mc / c^3)^5/6 / d
    Psi(f) = 2 pi f t - phi - pi / 4 + 3 / (128 eta v^5) [ 1 + (3715/756 + 55/9 eta) v^2 - 16 pi v^3
                                       + (15293365/508032 + 27145/504 eta + 3085/72 eta^2) v^4 ],    v = (pi G M f / c^3)^1/3

(TaylorF2: Buonanno et al. 2009, arXiv:0907.0700, eq. 3.18.) w ends it at the innermost stable orbit f = c^3 / (6^1.5 pi G M),
smoothly, so that a likelihood is smooth in the masses. Masses are those at the detector, (1 + z) times those at the source.
Strain is whitened: in units in which the noise of each sample is N(0, 1).
"""

import numpy as np

from .detectors import LIGHT, noise

RATE, SAMPLES = 256.0, 512
"""Samples a second, and samples of an event."""
MERGER = 1.75
"""When the binary would merge, after the first sample [s], in the centre of the Earth's time."""
LOWEST, HIGHEST, TAPER = 20.0, 118.0, 2.0
"""The band, and how fast the signal ends at the innermost orbit [Hz]."""
SUN = 1.3271244e20 / LIGHT**3
"""G M_sun / c^3 [s]."""
GIGAPARSEC = 3.0856775814913673e25
"""In m."""
STEP = RATE / SAMPLES
BAND = np.arange(round(LOWEST / STEP), round(HIGHEST / STEP) + 1)
"""The frequencies of the band, by their place in a real Fourier transform."""
FREQUENCIES = BAND * STEP


def phase(f: np.ndarray, mc: np.ndarray, eta: np.ndarray) -> np.ndarray:
    """Psi(f) + pi / 4 + phi - 2 pi f t [rad] of chirp masses [M_sun] at the detector and symmetric mass ratios."""
    v = np.cbrt(np.pi * mc * eta**-0.6 * SUN * f)
    second = 15293365 / 508032 + 27145 / 504 * eta + 3085 / 72 * eta**2
    series = 1 + (3715 / 756 + 55 / 9 * eta) * v**2 - 16 * np.pi * v**3 + second * v**4
    return np.asarray(3 / (128 * eta * v**5) * series)


def templates(mc: np.ndarray, eta: np.ndarray) -> np.ndarray:
    """Whitened signals in the band `(M, B)` at 1 Gpc, seen face on by arms that are best aligned.

    The signal-to-noise ratio of one is the square root of sum |T|^2 over the band; they arrive at `MERGER`.

    Arguments:
        mc: Chirp masses at the detector `(M,)` [M_sun].
        eta: Symmetric mass ratios `(M,)`.
    """
    mc, eta, f = np.asarray(mc)[:, None], np.asarray(eta)[:, None], FREQUENCIES[None, :]
    end = 1 / (6**1.5 * np.pi * mc * eta**-0.6 * SUN)
    tail = 1 / (1 + np.exp(np.clip((f - end) / TAPER, -50, 50)))
    size = np.sqrt(5 / 24) * np.pi ** (-2 / 3) * (mc * SUN) ** (5 / 6) * LIGHT / GIGAPARSEC
    angle = phase(f, mc, eta) + 2 * np.pi * f * MERGER
    whitened = 2 * np.sqrt(STEP / noise(f))
    return np.asarray(size * f ** (-7 / 6) * tail * whitened * np.exp(-1j * angle))


def loudness(mc: np.ndarray, eta: np.ndarray) -> np.ndarray:
    """Signal-to-noise ratio `(M,)` in one best aligned detector at 1 Gpc, face on."""
    return np.sqrt((np.abs(templates(mc, eta)) ** 2).sum(1))


def series(modes: np.ndarray) -> np.ndarray:
    """Whitened strain `(*, SAMPLES)` of modes in the band `(*, B)`, the sum of whose squares it keeps."""
    full = np.zeros((*modes.shape[:-1], SAMPLES // 2 + 1), dtype=complex)
    full[..., BAND] = modes * np.sqrt(SAMPLES / 2)
    return np.fft.irfft(full, n=SAMPLES)


def modes(strain: np.ndarray) -> np.ndarray:
    """Modes in the band `(*, B)` of whitened strain `(*, SAMPLES)`."""
    return np.fft.rfft(strain)[..., BAND] / np.sqrt(SAMPLES / 2)
