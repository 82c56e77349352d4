"""Exact log-likelihoods of the four modalities, written apart from their simulators: nothing of `addend_*` is used.

Each takes theta `(J, D)`, columns in the order that its docstring says, and observations as columns, and returns
log p(x_i | theta_j) `(J, N)` in nats, constants included; `total(name, theta, columns)` is its sum `(J,)` over observations.
Distances are the closed form in place of a quadrature: with x = 1 + z and a = Om / (1 - Om),

    int dx / sqrt(Om x^3 + 1 - Om) = x / sqrt(1 - Om) 2F1(1/3, 1/2; 4/3; -a x^3).
"""

import numpy as np
from numpy.polynomial.chebyshev import chebvander
from scipy.special import hyp2f1, log_ndtr
from scipy.stats import norm

C = 299792.458
LOG_2PI = np.log(2 * np.pi)


def toy(theta, columns):
    """theta = (intercept, slope): y ~ N(intercept + slope t, y_err^2)."""
    intercept, slope = _rows(theta)
    return norm.logpdf(columns["y"], intercept + slope * columns["t"], columns["y_err"])


def chronometers(theta, columns):
    """theta = (H0, Om, eta_imf, eta_sps): independent rows about the shifted expansion history."""
    h0, om, eta_imf, eta_sps = _rows(theta)
    mean = h0 * np.sqrt(1 + om * ((1 + columns["z"]) ** 3 - 1))
    return norm.logpdf(
        columns["H"],
        mean + eta_imf * columns["d_imf"] + eta_sps * columns["d_sps"],
        columns["H_err"],
    )


def chronometers_published(theta, z, h, covariance):
    """theta = (H0, Om): log p `(J,)` of all rows under the published full covariance."""
    h0, om = _rows(theta)
    return _gaussian(h - h0 * np.sqrt(1 + om * ((1 + z) ** 3 - 1)), covariance)


def bao(theta, columns):
    """theta = (H0, Om, rd): a bivariate normal in an anisotropic row, a normal in an isotropic one."""
    dm, dh, dv = bao_distances(theta, columns["z"])
    pair = columns["anisotropic"] == 1
    r = (columns["D_over_rd"] - np.where(pair, dm, dv)) / columns["D_err"]
    s = (columns["DH_over_rd"] - dh) / columns["DH_err"]
    q = 1 - columns["corr"] ** 2
    both = (
        -0.5 * (r**2 - 2 * columns["corr"] * r * s + s**2) / q
        - 0.5 * np.log(q)
        - np.log(columns["DH_err"])
        - LOG_2PI
    )
    return np.where(pair, both, -0.5 * r**2 - 0.5 * LOG_2PI) - np.log(columns["D_err"])


def bao_published(theta, z, values, quantities, covariance):
    """theta = (H0, Om, rd): log p `(J,)` of the published vector, entry k being `quantities[k]` at z[k]."""
    dm, dh, dv = bao_distances(theta, z)
    labels = np.asarray(quantities)
    model = np.select(
        [labels == "DM_over_rs", labels == "DH_over_rs", labels == "DV_over_rs"],
        [dm, dh, dv],
        np.nan,
    )
    return _gaussian(values - model, covariance)


def bao_distances(theta, z):
    """theta = (H0, Om, rd): (D_M, D_H, D_V) / r_d, each `(J, N)`."""
    h0, om, rd = _rows(theta)
    dm = C / (h0 * rd) * comoving(z, om)
    dh = C / (h0 * rd) / np.sqrt(1 + om * ((1 + z) ** 3 - 1))
    return dm, dh, (z * dm**2 * dh) ** (1 / 3)


def masers(theta, columns, nodes=2001):
    """theta = (H0, Om): the latent velocity integrated out by the trapezoidal rule over 8 standard deviations."""
    return _over_velocities(theta, columns, nodes, _log_split_normal)


def masers_cdf(theta, columns, nodes=2001):
    """theta = (H0, Om): P(D < observed | theta), `(J, N)`."""
    return np.exp(_over_velocities(theta, columns, nodes, _log_split_normal_tail))


def comoving(z, om):
    """int_0^z dz' / E(z'), broadcast."""
    return _antiderivative(1 + z, om) - _antiderivative(1.0, om)


def total(name, theta, columns):
    """log p of all observations of a modality `(J,)`."""
    return EXACT[name](theta, columns).sum(axis=1)


def _antiderivative(x, om):
    return x / np.sqrt(1 - om) * hyp2f1(1 / 3, 1 / 2, 4 / 3, -om / (1 - om) * x**3)


def _rows(theta):
    return np.asarray(theta, dtype=np.float64).T[:, :, None]


def _gaussian(residuals, covariance):
    whitened = np.linalg.solve(np.linalg.cholesky(covariance), residuals.T)
    return -0.5 * (whitened**2).sum(axis=0) - 0.5 * np.linalg.slogdet(2 * np.pi * covariance)[1]


def _over_velocities(theta, columns, nodes, log_density):
    """log int dv N(v; v_obs, v_err^2 + 250^2) exp log_density(D_A(v) - D), a galaxy and 50 thetas at a time."""
    out = np.empty((len(theta), len(columns["D"])))
    deviates, step = np.linspace(-8, 8, nodes, retstep=True)
    log_weights = norm.logpdf(deviates) + np.log(step)
    for i, galaxy in enumerate(
        zip(*(columns[k] for k in ("D", "D_err_minus", "D_err_plus", "v", "v_err")), strict=True)
    ):
        distance, minus, plus, v, v_err = galaxy
        for rows in np.array_split(np.arange(len(theta)), -(-len(theta) // 50)):
            d = _distances(theta[rows], v, np.hypot(v_err, 250.0), deviates) - distance
            out[rows, i] = np.logaddexp.reduce(log_weights + log_density(d, minus, plus), axis=1)
    return out


def _distances(theta, v, width, deviates):
    """D_A at v + width * deviates, `(J, nodes)`: a polynomial through its values at 9 Chebyshev nodes."""
    h0, om = _rows(theta)
    at = 8 * np.cos(np.pi * (np.arange(9) + 0.5) / 9)
    z = (v + width * at) / C
    values = C / h0 * comoving(z, om) / (1 + z)
    return values @ np.linalg.solve(chebvander(at / 8, 8).T, chebvander(deviates / 8, 8).T)


def _log_split_normal(d, minus, plus):
    """log density of D_true - D = d."""
    return (
        np.log(2 / (minus + plus)) - 0.5 * LOG_2PI - 0.5 * (d / np.where(d < 0, minus, plus)) ** 2
    )


def _log_split_normal_tail(d, minus, plus):
    """log P(D_true - D > d): that the observed distance would have come out smaller."""
    above = np.log(2 * plus / (minus + plus)) + log_ndtr(-np.abs(d) / plus)
    below = np.log1p(-2 * minus / (minus + plus) * np.exp(log_ndtr(-np.abs(d) / minus)))
    return np.where(d > 0, above, below)


EXACT = {"toy": toy, "chronometers": chronometers, "bao": bao, "masers": masers}
