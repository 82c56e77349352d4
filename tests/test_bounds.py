"""Bounds against closed forms: Cramer-Rao, and Hammersley-Chapman-Robbins where it is attained and where it is not.

Statistical assertions use fixed seeds that were not chosen; each states the chance that a correct program fails it.
"""

import numpy as np
import pytest
import torch
from scipy.stats import norm

from addend.testing.bounds import (
    chi_square,
    compose,
    cramer_rao,
    hammersley_chapman_robbins,
    hcr_scalar,
    information,
    test_points,
)
from addend.testing.oracles import ORACLES, Bernoulli, Exponential, Linear, Poisson, Step, Uniform

torch.set_num_threads(1)
GAUSSIAN = Linear("gaussian", Poisson().space.parameters, [1.0], 1.0)
FINE = np.concatenate([-np.geomspace(1e-4, 0.9, 100), np.geomspace(1e-4, 3.0, 100)])


def best(m, theta: float, points: np.ndarray, shift: np.ndarray, n: int) -> float:
    """The best one-point bound from n observations, from exact chi2."""
    v = np.diag(m.chi_square([theta], points[:, None]))
    return hcr_scalar(shift, compose([(n, v)]))


@pytest.mark.parametrize("n", [1, 2, 5, 10, 100, 1000])
def test_regular_families_attain_cramer_rao(n):
    """Gaussian mean, Poisson(1) and exponential of mean 1, each in its mean: HCR = 1 / N within 1e-5 on a fine grid.

    The grid shrinks as 1 / sqrt N, as test points do.
    """
    step = FINE / np.sqrt(n)
    means = {
        GAUSSIAN: (0.0, step),
        Poisson(): (0.0, np.log1p(step)),
        Exponential(): (0.0, -np.log1p(step)),
    }
    for m, (theta, points) in means.items():
        assert best(m, theta, points, step, n) == pytest.approx(1 / n, rel=1e-5), m.name


def test_the_bound_of_a_rate_lies_between_cramer_rao_and_its_best_unbiased_estimator():
    """An exponential rate: (N - 1) / sum x is unbiased with variance a^2 / (N - 2), above 1 / N; HCR sees that there is a gap."""
    step = np.linspace(1e-3, 0.5, 500)
    for n in (10, 100, 1000):
        assert 1 / n < best(Exponential(), 0.0, np.log1p(step), step, n) < 1 / (n - 2)


@pytest.mark.parametrize(
    "n, ratio", [(1, 0.750), (2, 0.721), (5, 0.688), (10, 0.670), (100, 0.650), (1000, 0.648)]
)
def test_the_uniform_does_not_saturate(n, ratio):
    """Uniform(0, 1): HCR over the variance of the best unbiased estimator (N + 1) / N max x, which is 1 / (N (N + 2))."""
    points = 1 - min(0.998, 4 / n) * np.linspace(0.002, 1.0, 500)
    bound = best(Uniform(), 1.0, points, points - 1, n)
    assert bound * n * (n + 2) == pytest.approx(ratio, abs=6e-4)


def test_an_integer_theta_does_not_saturate():
    """HCR = 1 / (exp(N / sigma^2) - 1), while rounding the mean errs as exp(-N / (8 sigma^2)): no estimator attains it."""
    m = Step(k=21, sigma=2.0)
    for n in (4, 16, 64):
        points = np.arange(21.0)[np.arange(21) != 10]
        bound = best(m, 10.0, points, points - 10, n)
        rounding = sum(
            (2 * k - 1) * 2 * norm.sf((k - 0.5) * np.sqrt(n) / m.sigma) for k in range(1, 50)
        )
        assert bound == pytest.approx(1 / np.expm1(n / m.sigma**2), rel=1e-9)
        assert rounding > 1.4 * bound


def test_points_of_infinite_chi2_add_nothing():
    points = np.array([0.9, 1.5, 3.0])
    shift, v = points - 1, Uniform().chi_square([1.0], points[:, None])
    with_all = hammersley_chapman_robbins(shift[:, None], compose([(3, v)]))[0, 0]
    assert (
        with_all == pytest.approx(best(Uniform(), 1.0, points[:1], shift[:1], 3))
        and np.isinf(np.diag(v)[1:]).all()
    )


def test_chi2_composes_over_modalities():
    """Three Gaussian shifts of 0.3 and two Poisson counts 1 -> e^0.3: 0.6733; by simulating the product 0.681 +- 4.5 sd."""
    parts = [(3, GAUSSIAN.chi_square([0.0], [[0.3]])), (2, Poisson().chi_square([0.0], [[0.3]]))]
    composed, rng = compose(parts)[0, 0], np.random.default_rng(21)
    x, k = rng.standard_normal((400_000, 3)), rng.poisson(1.0, (400_000, 2))
    log_r = (0.3 * x - 0.045).sum(axis=1) + (0.3 * k - np.expm1(0.3)).sum(axis=1)
    square = np.expm1(log_r) ** 2
    assert composed == pytest.approx(0.6733, abs=5e-5)
    assert abs(square.mean() - composed) < 4.5 * square.std() / np.sqrt(len(square))


def test_several_points_are_never_worse_than_one():
    points = np.array([[0.05], [0.2], [-0.1]])
    v = compose([(50, Bernoulli().chi_square([0.0], points))])
    together = hammersley_chapman_robbins(points, v)[0, 0]
    assert together >= max(points[:, 0] ** 2 / np.diag(v)) - 1e-15


def test_in_two_dimensions_the_bound_is_the_inverse_information():
    """O-11 with test points close by: D V^+ D^T tends to (N_1 I_1 + N_2 I_2)^{-1}."""
    modalities, theta = ORACLES["O-11"], np.zeros(2)
    exact = cramer_rao(
        [(30, modalities[0].information(theta)), (50, modalities[1].information(theta))]
    )
    points = (
        0.01
        * np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
        * np.sqrt(np.diag(exact))
    )
    v = compose(
        [
            (30, modalities[0].chi_square(theta, points)),
            (50, modalities[1].chi_square(theta, points)),
        ]
    )
    assert np.allclose(hammersley_chapman_robbins(points, v), exact, rtol=1e-3)


def test_cramer_rao_is_infinite_where_the_data_are_blind():
    plus, minus = (m.information([0, 0]) for m in ORACLES["O-11"])
    assert np.isinf(np.diag(cramer_rao([(10, plus)]))).all()
    assert np.allclose(cramer_rao([(10, plus), (40, minus)]), np.linalg.inv(10 * plus + 40 * minus))


def test_information_from_scores_is_the_exact_one():
    """20,000 scores of each regular oracle in one dimension: |Z| < 4.5, one failure in 10^4 over all."""
    for name in ("O-2", "O-3", "O-4", "O-5", "O-6", "O-9"):
        m = ORACLES[name][0]
        scores = m.scalar(m.observe([0.4], 20_000, np.random.default_rng(22))).scores([0.4])
        found = information(scores.numpy())
        assert abs(found.matrix - m.information([0.4]))[0, 0] < 4.5 * found.error[0, 0] + 1e-9, name
        assert abs(found.bias[0]) < 4.5 * np.sqrt(found.matrix[0, 0] / 20_000), name


def estimated(tilt: float = 1.0) -> tuple:
    """Both estimators of V for a Gaussian mean from 5,000 draws each, with psi multiplied by `tilt`; and the exact V."""
    points = test_points(np.zeros(1), np.eye(1), n=20)
    rng, d = np.random.default_rng(23), points[:, 0]
    log_r = tilt * (rng.standard_normal((5000, 1)) * d - 0.5 * d**2)
    log_r_at = tilt * (np.stack([rng.standard_normal((5000, 1)) + at for at in d]) * d - 0.5 * d**2)
    return chi_square(log_r, log_r_at), GAUSSIAN.chi_square([0.0], points)


def test_both_estimators_find_the_exact_chi2():
    """Their difference is within 4.5 of its standard deviations, and either within 4.5 of the exact value: 10^-3 in all."""
    found, exact = estimated()
    assert found.disagreement < 4.5
    assert (np.abs(found.value - exact) < 4.5 * found.error).all() and (
        np.abs(found.crossed - exact) < 4.5 * found.error
    ).all()


def test_a_miscalibrated_ratio_makes_the_estimators_disagree():
    """psi overconfident by 1.4: the two differ by many standard deviations."""
    assert estimated(tilt=1.4)[0].disagreement > 6


def test_test_points_keep_chi2_of_one_event_small():
    points = test_points(np.zeros(2), np.diag([4.0, 0.25]), n=100, steps=(0.5, 1.0))
    assert (
        points.shape == (8, 2)
        and np.allclose(points[0], [0.025, 0.0])
        and np.allclose(points[-1], [0.0, -0.2])
    )
