"""What a planted error does to coverage, and what each correction restores."""

import numpy as np
import pytest
from calibration_oracles import ORACLES, within
from scipy.stats import norm

from addend.calibration.coverage import ONE_SIGMA
from addend.calibration.local import (
    DEFAULT,
    ROUNDS,
    LocalMoments,
    constraint_term,
    locate,
    scatter,
)
from addend.calibration.sandwich import ensemble_covariance, godambe, godambe_weights, sandwich
from addend.errors import NotMergeable, TooFewSimulations
from addend.numerics.clusters import cluster_covariance

TABLE = {10: 0.68, 100: 0.62, 400: 0.48, 1000: 0.28, 10_000: 0.0}
BIAS = 0.05


def corrected(theta_hat, n, score, draw, information, low, high, rng):
    """Local calibration of one parameter: theta_c and its standard deviation."""
    centre = t = theta_hat
    for times, spread in ROUNDS:
        theta = scatter([centre], [[1 / (n * information)]], times * n, rng, [low], [high], spread)
        x = draw(theta[:, 0], 1, rng)[:, 0]
        term = LocalMoments.measure(("theta",), [centre], theta, score(x, t)[:, None]).term(n)
        found = locate(("theta",), np.array([t]), [centre], [term])
        centre = float(found.theta[0])
    return centre, float(np.sqrt(found.covariance[0, 0]))


@pytest.mark.parametrize("n", TABLE)
def test_a_bias_of_five_percent_ruins_coverage_as_n_grows_and_local_calibration_restores_it(n):
    """Planted b = 0.05, J = 1, N* = 400. False alarms: one in a thousand for each of the three counts."""
    rng, many, few = (
        np.random.default_rng(n),
        20_000,
        {10: 400, 100: 400, 400: 300, 1000: 200, 10_000: 60}[n],
    )
    mean = rng.standard_normal(many) / np.sqrt(n)
    naive = int((np.abs(mean + BIAS) <= 1 / np.sqrt(n)).sum())
    expected = norm.cdf(1 - BIAS * np.sqrt(n)) - norm.cdf(-1 - BIAS * np.sqrt(n))
    assert round(expected, 2) == TABLE[n]
    assert within(naive, many, expected)
    draw = ORACLES["gaussian"].draw
    found = [
        corrected(m + BIAS, n, lambda x, t: x - t + BIAS, draw, 1.0, -1e3, 1e3, rng)
        for m in mean[:few]
    ]
    theta, sd = np.array(found).T
    narrow, honest = int((np.abs(theta) <= 1 / np.sqrt(n)).sum()), int((np.abs(theta) <= sd).sum())
    print(
        f"N = {n}: {naive / many:.3f} plain, {narrow / few:.3f} corrected, {honest / few:.3f} with its own width, of {few}"
    )
    assert within(narrow, few, 0.67)
    assert within(honest, few, ONE_SIGMA)
    assert np.isclose(np.median(sd) * np.sqrt(n), np.sqrt(1 + 1 / DEFAULT), rtol=0.1)


def wrong(oracle, name):
    """A psi 1.5 times too sharp with a score bias of 0.1; for Cauchy the wrong width on top."""
    score = lambda x, t: 1.5 * oracle.score(t + (x - t) * 1.1 if name == "cauchy" else x, t) + 0.1  # noqa: E731
    step = 1e-5
    return score, lambda x, t: (score(x, t + step) - score(x, t - step)) / (2 * step)


@pytest.mark.parametrize("name", ORACLES)
def test_local_calibration_comes_within_ten_percent_of_the_exact_mle(name):
    """N = 400, M = 20 N, 150 data sets: mean squared error, the uncorrected one being several times the exact."""
    oracle, rng, n, trials = ORACLES[name], np.random.default_rng(20), 400, 150
    truth = np.full(trials, (oracle.low + oracle.high) / 2)
    x, (score, hessian) = oracle.draw(truth, n, rng), wrong(oracle, name)
    exact, biased = oracle.argmax(x, oracle.score, oracle.hessian), oracle.argmax(x, score, hessian)
    information = float(np.var(oracle.score(x, truth[:, None])))
    found = [
        corrected(t, n, score, oracle.draw, information, oracle.low, oracle.high, rng)
        for t in biased
    ]
    theta, sd = np.array(found).T
    mse, before, best = (float(np.mean((v - truth) ** 2)) for v in (theta, biased, exact))
    covered = int((np.abs(theta - truth) <= sd).sum())
    print(
        f"{name}: MSE {mse / best:.2f} of the exact MLE's, {before / best:.2f} uncorrected; coverage {covered / trials:.2f}"
    )
    scatter = np.std((theta - truth) ** 2 - (exact - truth) ** 2) / np.sqrt(trials) / best
    assert mse / best < 1.10 + 3 * scatter
    assert before / best > 1.5
    assert within(covered, trials, ONE_SIGMA)


def test_local_calibration_sums_modalities_by_name_and_keeps_constraints():
    """Two modalities and a constrained nuisance; x_b is biased, eta shifts x_a. Pulls over 300 data sets are standard."""
    rng, n, names, pulls = np.random.default_rng(21), 50, ("a", "b", "eta"), []
    A = np.array([[n, 0, 0.3 * n], [0, n, 0], [0.3 * n, 0, 0.09 * n + 1]])
    for _ in range(300):
        y = rng.standard_normal()
        xa, xb = rng.standard_normal((2, n))
        g = np.array([xa.sum(), (xb + 0.3).sum(), 0.3 * xa.sum() + y])
        hat = np.linalg.solve(A, g)
        theta = scatter(hat, np.linalg.inv(A), DEFAULT * n, rng, [-10] * 3, [10] * 3, 4.0)
        ra = (
            theta[:, 0]
            + 0.3 * theta[:, 2]
            + rng.standard_normal(len(theta))
            - hat[0]
            - 0.3 * hat[2]
        )
        rb = theta[:, 1] + rng.standard_normal(len(theta)) - hat[1] + 0.3
        terms = [
            LocalMoments.measure(
                ("eta", "a"), hat[[2, 0]], theta[:, [2, 0]], ra[:, None] * [0.3, 1.0]
            ).term(n),
            LocalMoments.measure(("b",), hat[[1]], theta[:, [1]], rb[:, None]).term(n),
            constraint_term("eta", 1.0, hat[2], hat[2]),
        ]
        found = locate(names, hat, hat, terms)
        pulls.append(np.linalg.solve(np.linalg.cholesky(found.covariance), found.theta))
    pulls = np.array(pulls)
    assert (np.abs(pulls.mean(axis=0)) < 4 / np.sqrt(300)).all()
    assert np.allclose(pulls.std(axis=0), 1, atol=4 * 0.71 / np.sqrt(300) + 0.02)


def test_local_calibration_refuses_fewer_than_five_simulations_an_observation():
    rng = np.random.default_rng(22)
    theta = rng.standard_normal((499, 1))
    moments = LocalMoments.measure(("theta",), [0.0], theta, theta + rng.standard_normal((499, 1)))
    assert moments.term(99).n == 99
    with pytest.raises(TooFewSimulations, match="at least 500"):
        moments.term(100)


def test_local_moments_merge_and_know_their_centre():
    rng = np.random.default_rng(23)
    theta, g = rng.standard_normal((600, 2)), rng.standard_normal((600, 2))
    whole = LocalMoments.measure("ab", [0, 0], theta, g).term(10)
    parts = sum(LocalMoments.measure("ab", [0, 0], theta[i::3], g[i::3]) for i in range(3)).term(10)
    for name in ("mean", "slope", "J", "noise"):
        assert np.allclose(getattr(whole, name), getattr(parts, name), rtol=1e-10, atol=1e-13)
    with pytest.raises(NotMergeable, match="centre"):
        LocalMoments.measure("ab", [0, 0], theta, g) + LocalMoments.measure("ab", [0, 1], theta, g)


def test_designs_stay_inside_the_box_and_around_the_centre():
    rng = np.random.default_rng(24)
    theta = scatter([0.9, 0.5], np.diag([0.04, 1e-4]), 5000, rng, [0, 0], [1, 1])
    assert ((theta >= 0) & (theta <= 1)).all()
    assert np.allclose([theta[:, 1].mean(), theta[:, 1].std()], [0.5, 0.015], atol=0.002)


def test_the_sandwich_mends_the_width_of_a_sharpened_psi_but_not_its_bias():
    """psi four times too sharp: naive 68 % intervals hold the truth in 38 % of cases, the sandwich's in 68 %."""
    rng, trials, n = np.random.default_rng(25), 2000, 50
    x = rng.standard_normal((trials, n))
    hat = x.mean(axis=1)
    H = np.array([[4.0 * n]])
    sd = [
        np.sqrt(sandwich(H, cluster_covariance(4 * (row - t)[:, None]))[0, 0])
        for row, t in zip(x, hat, strict=True)
    ]
    naive, mended = (np.abs(hat) <= H[0, 0] ** -0.5).sum(), (np.abs(hat) <= sd).sum()
    print(f"coverage {naive / trials:.3f} from curvature, {mended / trials:.3f} from the sandwich")
    assert within(naive, trials, 0.3829)
    assert within(mended, trials, 0.678)


@pytest.mark.parametrize(("views", "ratio"), [(2, 1.5), (4, 2.5), (8, 4.5)])
def test_objects_seen_many_times_need_the_clustered_sandwich(views, ratio):
    """x = theta + eta_object + noise, tau = s = 1: the variance is 1.5, 2.5, 4.5 times what the plain sum claims."""
    rng, objects = np.random.default_rng(26), 40_000
    x = rng.standard_normal((objects, 1)) + rng.standard_normal((objects, views))
    g, cluster = ((x - x.mean()) / 2).reshape(-1, 1), np.repeat(np.arange(objects), views)
    H = np.array([[objects * views / 2]])
    honest, plain = sandwich(H, cluster_covariance(g, cluster)), sandwich(H, cluster_covariance(g))
    assert np.isclose(honest[0, 0] * H[0, 0], ratio, rtol=0.05)
    assert np.isclose(plain[0, 0] * H[0, 0], 1.0, rtol=0.05)


def test_godambe_weights_undo_what_was_sharpened_and_mute_what_is_biased():
    H, J = np.array([[[1.0]], [[4.0]], [[0.5]]]), np.array([[[1.0]], [[16.0]], [[0.25]]])
    n = [100, 50, 10]
    w = godambe_weights(n, H, J)
    assert np.allclose(w / w[0], [1, 0.25, 2], rtol=1e-3)
    biased = godambe_weights(n, H, J, bias=np.array([[0.0], [2.0], [0.0]]))
    assert biased[1] / biased[0] < 0.05
    assert godambe(w, n, H, J)[0, 0] > godambe(np.ones(3), n, H, J)[0, 0]


def test_an_ensemble_adds_the_scatter_between_networks():
    hats, covariances = np.array([[0.0, 0.0], [2.0, 0.0]]), np.stack([np.eye(2), 3 * np.eye(2)])
    assert np.allclose(ensemble_covariance(hats, covariances), [[3, 0], [0, 2]])
