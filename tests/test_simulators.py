"""Each simulator draws from the exact density that is written apart from it.

The probability integral transform of x under the exact law of its own theta and covariates is uniform; a wide draw of
theta from the whole support and of covariates from the whole training law leaves no corner out. Every assertion is a
Kolmogorov-Smirnov test whose false-alarm rate is 1e-4.
"""

from pathlib import Path

import exact
import numpy as np
import pytest
from addend_bao import Bao
from addend_chronometers import Chronometers
from addend_masers import Masers
from addend_toy import Toy
from scipy.stats import kstest, norm

from addend.parameters import read_agreement

ROOT = Path(__file__).parents[1]
FALSE_ALARM = 1e-4
"""Of each test."""


def drawn(modality, n):
    """theta `(n, D)` from the whole support, and one simulated observation of each."""
    rng = np.random.default_rng(8)
    theta = read_agreement(ROOT).subset(modality.parameters).draw(n, rng)
    covariates = modality.covariates(n, rng)
    return theta, modality.simulate(theta, covariates, rng) | covariates


def own(matrix_of, theta, columns):
    """matrix_of(theta, columns) for each row of theta with its own observation alone."""
    pairs = (
        matrix_of(theta[i : i + 1], {k: v[i : i + 1] for k, v in columns.items()})
        for i in range(len(theta))
    )
    return np.array([pair.item() for pair in pairs])


def require_uniform(u):
    result = kstest(u, "uniform")
    print(
        f"KS distance {result.statistic:.4f} of {len(u)}, p = {result.pvalue:.3f}, alarm below {FALSE_ALARM}"
    )
    assert result.pvalue > FALSE_ALARM


def test_toy_is_uniform_under_its_exact_law():
    theta, columns = drawn(Toy(), 20_000)
    mean = theta[:, 0] + theta[:, 1] * columns["t"]
    require_uniform(norm.cdf(columns["y"], mean, columns["y_err"]))


def test_chronometers_are_uniform_under_their_exact_law():
    theta, columns = drawn(Chronometers(), 20_000)
    h0, om, eta_imf, eta_sps = theta.T
    mean = (
        h0 * np.sqrt(1 - om + om * (1 + columns["z"]) ** 3)
        + eta_imf * columns["d_imf"]
        + eta_sps * columns["d_sps"]
    )
    require_uniform(norm.cdf(columns["H"], mean, columns["H_err"]))


@pytest.fixture(scope="module")
def blocks():
    """theta, columns, and the residuals of both slots in their errors."""
    theta, columns = drawn(Bao(), 3000)
    dm, dh, dv = (
        own(lambda t, c, k=k: exact.bao_distances(t, c["z"])[k], theta, columns) for k in range(3)
    )
    first = (columns["D_over_rd"] - np.where(columns["anisotropic"] == 1, dm, dv)) / columns[
        "D_err"
    ]
    return columns, first, (columns["DH_over_rd"] - dh) / columns["DH_err"]


def test_first_slot_of_bao_is_uniform_under_its_exact_law(blocks):
    columns, first, _ = blocks
    for kind in (0, 1):
        require_uniform(norm.cdf(first[columns["anisotropic"] == kind]))


def test_second_slot_of_bao_given_the_first_is_uniform_under_its_exact_law(blocks):
    columns, first, second = blocks
    pair, corr = columns["anisotropic"] == 1, columns["corr"]
    require_uniform(norm.cdf((second - corr * first)[pair] / np.sqrt(1 - corr[pair] ** 2)))


def test_masers_are_uniform_under_their_exact_law():
    theta, columns = drawn(Masers(), 2000)
    require_uniform(own(exact.masers_cdf, theta, columns))


def test_masers_exact_density_is_the_slope_of_its_exact_distribution():
    theta, columns = drawn(Masers(), 50)
    step = 1e-4 * columns["D_err_plus"]
    above, below = (
        own(exact.masers_cdf, theta, columns | {"D": columns["D"] + s}) for s in (step, -step)
    )
    np.testing.assert_allclose(
        (above - below) / (2 * step),
        np.exp(own(exact.masers, theta, columns)),
        rtol=1e-4,
        atol=1e-9,
    )


def test_masers_exact_density_has_converged():
    theta, columns = drawn(Masers(), 50)
    coarse, fine = (
        own(lambda t, c, n=n: exact.masers(t, c, nodes=n), theta, columns) for n in (2001, 20_001)
    )
    print(f"largest difference {np.abs(coarse - fine).max():.1e} nat")
    np.testing.assert_allclose(coarse, fine, atol=1e-3)
