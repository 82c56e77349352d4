"""The shipped tables are the published ones, and their exact likelihoods land where the papers do.

The raw files lie in a folder beside the checkout and are never part of it: where they are absent, what compares with
them is skipped by name. Posteriors here are quadratures over the uniform priors of the agreement.
"""

from pathlib import Path

import exact
import numpy as np
import pytest
from addend_bao import Bao
from addend_chronometers import Chronometers
from addend_masers import Masers

from addend.parameters import read_agreement

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / "shared" / "data" / "real"
PRIOR = read_agreement(ROOT)


def raw(name, **options):
    """A raw published file as an array."""
    path = REAL / name
    if not path.exists():
        pytest.skip(f"no raw table {name}")
    return np.genfromtxt(path, **options)


def shipped(modality):
    """The set that a modality ships, read."""
    (table,) = modality.sets().values()
    return modality.read(table)


@pytest.fixture(scope="module")
def rates():
    """z, H, error of the raw chronometers, and their published covariance."""
    z, h, err = raw("cc/HzTable_MM_BC03.dat")[:, :3].T
    grid, imf, *_, sps = raw("cc/data_MM20.dat").T
    shifts = [h * np.interp(z, grid, f) / 100 for f in (imf, sps)]
    return z, h, err, shifts, np.diag(err**2) + sum(np.outer(d, d) for d in shifts)


@pytest.fixture(scope="module")
def desi():
    """z, values, quantities and covariance of the raw DESI DR2 BAO."""
    folder = "bao/desi_dr2/desi_gaussian_bao_ALL_GCcomb"
    mean = raw(f"{folder}_mean.txt", dtype=None, encoding="utf8", names=("z", "value", "quantity"))
    return mean["z"], mean["value"], mean["quantity"], raw(f"{folder}_cov.txt")


def test_chronometers_are_the_published_numbers(rates):
    z, h, err, shifts, _ = rates
    columns = shipped(Chronometers())
    for name, values in zip(
        ("z", "H", "H_err", "d_imf", "d_sps"), (z, h, err, *shifts), strict=True
    ):
        np.testing.assert_allclose(columns[name], values, rtol=1e-14)


def test_bao_are_the_published_numbers_under_their_labels(desi):
    """Every mean, variance and covariance, whichever of D_M and D_H a block lists first."""
    columns, (z, values, quantities, covariance) = shipped(Bao()), desi
    slot = {
        "DV_over_rs": ("D_over_rd", "D_err"),
        "DM_over_rs": ("D_over_rd", "D_err"),
        "DH_over_rs": ("DH_over_rd", "DH_err"),
    }
    for k, (redshift, quantity) in enumerate(zip(z, quantities, strict=True)):
        row, (value, error) = int(np.flatnonzero(columns["z"] == redshift)[0]), slot[quantity]
        assert columns[value][row] == values[k] and columns["anisotropic"][row] == (
            quantity != "DV_over_rs"
        )
        np.testing.assert_allclose(columns[error][row] ** 2, covariance[k, k], rtol=1e-14)
        off = covariance[k].sum() - covariance[k, k]
        stated = columns["corr"][row] * columns["D_err"][row] * columns["DH_err"][row]
        np.testing.assert_allclose(stated, off, rtol=1e-12)


def test_masers_are_the_published_numbers():
    table = raw(
        "maser/mcp_pesce2020_table1.csv",
        delimiter=",",
        skip_header=2,
        names=True,
        dtype=None,
        encoding="utf8",
    )
    columns = shipped(Masers())
    for name in Masers.schema.names:
        np.testing.assert_array_equal(columns[name], table[name])


def test_bao_rows_sum_to_the_published_likelihood(desi):
    theta = PRIOR.subset(Bao.parameters).draw(100, np.random.default_rng(0))
    np.testing.assert_allclose(
        exact.total("bao", theta, shipped(Bao())), exact.bao_published(theta, *desi), rtol=1e-10
    )


def rows_and_constraint(theta, etas):
    """Row-independent log p plus log N(eta; 0, 1) twice, at each theta `(J, 2)` with each pair of etas `(K, 2)`: `(J, K)`."""
    both = np.concatenate(
        [np.repeat(theta, len(etas), axis=0), np.tile(etas, (len(theta), 1))], axis=1
    )
    constraint = -0.5 * (etas**2).sum(axis=1) - exact.LOG_2PI
    return (
        exact.total("chronometers", both, shipped(Chronometers())).reshape(len(theta), -1)
        + constraint
    )


def test_marginalised_etas_give_the_published_covariance_exactly(rates):
    """int d eta N(H; m + D eta, diag(err^2)) N(eta; 0, 1) = N(H; m, diag(err^2) + D D'), D = (d_imf, d_sps).

    The left side by the trapezoidal rule, whose error for an entire integrand falls faster than any power of the step.
    """
    z, h, _, _, covariance = rates
    theta = PRIOR.subset(("H0", "Om")).draw(10, np.random.default_rng(1))
    axis, step = np.linspace(-12, 12, 161, retstep=True)
    etas = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    marginal = np.logaddexp.reduce(rows_and_constraint(theta, etas), axis=1) + 2 * np.log(step)
    published = exact.chronometers_published(theta, z, h, covariance)
    print(f"largest difference {np.abs(marginal - published).max():.1e} nat")
    np.testing.assert_allclose(marginal, published, rtol=0, atol=1e-8)


def test_profiled_etas_give_the_published_covariance_exactly(rates):
    """max_eta [-1/2 (r - D eta)' W (r - D eta) - eta'eta / 2] = -1/2 r' (W^-1 + D D')^-1 r, W = diag(err^-2), r = H - H0 E(z).

    The maximum is at eta = (1 + D' W D)^-1 D' W r; what differs from the published log p is free of theta. That the
    point is the maximum is seen beside it.
    """
    z, h, err, shifts, covariance = rates
    d, w = np.stack(shifts, axis=1), 1 / err**2
    theta = PRIOR.subset(("H0", "Om")).draw(10, np.random.default_rng(2))
    r = h - theta[:, :1] * np.sqrt(1 - theta[:, 1:] + theta[:, 1:] * (1 + z) ** 3)
    etas = np.linalg.solve(np.eye(2) + d.T @ (w[:, None] * d), d.T @ (w * r).T).T
    profile = np.array(
        [rows_and_constraint(t[None], eta[None]).item() for t, eta in zip(theta, etas, strict=True)]
    )
    steps = np.diag([0.01, -0.01])
    beside = np.array(
        [rows_and_constraint(t[None], eta + steps) for t, eta in zip(theta, etas, strict=True)]
    )
    assert (beside.reshape(10, 2) < profile[:, None]).all()
    difference = profile - exact.chronometers_published(theta, z, h, covariance)
    print(f"spread of the difference {np.ptp(difference):.1e} nat")
    assert np.ptp(difference) < 1e-8


def posterior(log_p, *axes):
    """Means and standard deviations over a uniform grid, of `log_p(theta (J, D)) -> (J,)`."""
    theta = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    s = log_p(theta)
    weights = np.exp(s - s.max())
    mean = weights @ theta / weights.sum()
    return mean, np.sqrt(weights @ (theta - mean) ** 2 / weights.sum())


def axis(name, n=81):
    """Midpoints of n equal cells of a parameter's support."""
    p = PRIOR[name]
    return p.low + (p.high - p.low) * (np.arange(n) + 0.5) / n


def require_landmark(name, found, published):
    """Means within 0.25 published standard deviations, widths within 10 %.

    The papers sample other priors than ours, and those of the masers have the whole distance posteriors in place of
    medians with offsets, which moves H0 by 0.17 standard deviations; the others land within 0.1.
    """
    (mean, std), (expected, width) = found, published
    print(f"{name} = {mean:.4f} +- {std:.4f}, landmark {expected} +- {width}")
    assert abs(mean - expected) < 0.25 * width and abs(std / width - 1) < 0.1


def test_desi_lands_on_its_published_constraints():
    """Om = 0.2975 +- 0.0086 and H0 r_d / 100 km/s = 101.54 +- 0.73 (arXiv:2503.14738), on 6 standard deviations about them."""
    columns = shipped(Bao())
    hundreds, om = np.linspace(97, 106, 121), np.linspace(0.24, 0.36, 121)

    def log_p(theta):
        return exact.total(
            "bao",
            np.stack([np.full(len(theta), 70.0), theta[:, 1], theta[:, 0] * 100 / 70.0], axis=1),
            columns,
        )

    mean, std = posterior(log_p, hundreds, om)
    require_landmark("H0 rd / 100", (mean[0], std[0]), (101.54, 0.73))
    require_landmark("Om", (mean[1], std[1]), (0.2975, 0.0086))


def test_chronometers_alone_land_on_their_hubble_constant(rates):
    """H0 = 66.0 +- 5.5 under the published covariance."""
    z, h, _, _, covariance = rates
    mean, std = posterior(
        lambda theta: exact.chronometers_published(theta, z, h, covariance), axis("H0"), axis("Om")
    )
    require_landmark("H0", (mean[0], std[0]), (66.0, 5.5))


def test_masers_alone_land_on_their_published_hubble_constant():
    """H0 = 73.9 +- 3.0 (arXiv:2001.09213)."""
    columns = shipped(Masers())
    mean, std = posterior(
        lambda theta: exact.total("masers", theta, columns), axis("H0", 61), axis("Om", 7)
    )
    require_landmark("H0", (mean[0], std[0]), (73.9, 3.0))
