r"""log p(x | theta, detected) of a few events by brute force: the oracle that f_m is held against.

Written apart from `filters` and `marginal`: filters and times are several times as many, nothing is averaged before the
likelihood is known, and angles are summed at each of some thousand filters and times, which are chosen as often as their best
amplitudes make them likely, and weighed by that (importance sampling). It takes seconds an event.
"""

from itertools import product

import numpy as np
from scipy.special import i0e, logsumexp, roots_legendre

from . import detectors, population, waveform

FINE = 0.004
"""The spacing of filters in ln Mc."""
TIMES = 0.000125
"""The spacing of times [s]."""
CHOSEN, ANGLES, COSINES = 1000, 40, 96
"""Filters and times, polarisation angles and inclinations that are summed."""
AT_ONCE = 250


def responses(longitude: float, latitude: float) -> tuple[np.ndarray, np.ndarray]:
    """F+ + i Fx `(2,)` of one direction, and delays `(2,)` [s], by tensors of the wave's own axes."""
    up = np.array(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ]
    )
    east = np.cross([0.0, 0.0, 1.0], up)
    east /= np.linalg.norm(east)
    wave = (east - 1j * np.cross(up, east))[:, None]
    plus = np.einsum("dij,ij->d", detectors.TENSORS, wave @ wave.T)
    return plus, -detectors.POSITIONS @ up / detectors.LIGHT


def curve(strain: np.ndarray, host: dict[str, float], far: np.ndarray) -> np.ndarray:
    """log p(strain | d) `(J,)` in nats, up to c(x), at distances `far` [Gpc], detected or not.

    The host is where its redshift says: what moves it is not in it.
    """
    response, delay = responses(host["longitude"], host["latitude"])
    u, log_prior, rho = _filtered(strain, delay, host["z"])
    cosine, w = roots_legendre(COSINES)
    psi = np.arange(ANGLES) * np.pi / 2 / ANGLES
    shapes = np.array(
        [
            (response * np.exp(-2j * p)).real * (1 + c * c) / 2
            + 1j * (response * np.exp(-2j * p)).imag * c
            for p, c in product(psi, cosine)
        ]
    )
    log_w = np.log(np.tile(w, len(psi)))
    found = np.full(len(far), -np.inf)
    for low in range(0, len(rho), AT_ONCE):
        part = slice(low, low + AT_ONCE)
        at = np.abs(u[part] @ shapes.conj().T)
        power = (np.abs(shapes) ** 2).sum(1)
        for j, d in enumerate(far):
            scale = rho[part, None] / d
            x = at * scale
            terms = np.log(i0e(x)) + x - 0.5 * power * scale**2 + log_w + log_prior[part, None]
            found[j] = np.logaddexp(found[j], logsumexp(terms))
    return found


def _filtered(
    strain: np.ndarray, delay: np.ndarray, z: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Filters' outputs u `(P, 2)`, the logarithm of their weight and loudness `(P,)`, of masses and times that are likely."""
    grid = np.arange(-4, 4 + 1e-9, FINE / population.SPREAD) * population.SPREAD + population.MASS
    ratios = population.symmetric(
        np.linspace(*population.RATIO, 9)[:-1] + np.diff(population.RATIO) / 16
    )
    half = round(population.WINDOW / TIMES)
    late = np.exp(2j * np.pi * np.outer(waveform.FREQUENCIES, np.arange(-half, half + 1) * TIMES))
    modes = waveform.modes(strain.astype(float)) * np.exp(
        2j * np.pi * delay[:, None] * waveform.FREQUENCIES
    )
    us, priors, rhos = [], [], []
    for eta in ratios:
        made = waveform.templates(np.exp(grid) * (1 + z), np.full(len(grid), eta))
        rho = np.sqrt((np.abs(made) ** 2).sum(1))
        heard = modes * (made / rho[:, None]).conj()[:, None]
        near = heard @ late
        us.append(near.transpose(0, 2, 1).reshape(-1, 2))
        told = -0.5 * ((grid - population.MASS) / population.SPREAD) ** 2
        priors.append(np.repeat(told, late.shape[1]))
        rhos.append(np.repeat(rho, late.shape[1]))
    u, prior, rho = (np.concatenate(part) for part in (us, priors, rhos))
    best = 0.5 * (np.abs(u) ** 2).sum(1) + prior
    share = np.exp(best - best.max())
    ends = np.cumsum(share / share.sum())
    those = np.searchsorted(ends, (np.arange(CHOSEN) + 0.5) / CHOSEN)
    return u[those], prior[those] - best[those], rho[those]
