"""Tests from differences of S: likelihood ratios, Wilks, Chernoff, tension, leave-one-out, weights.

Statistical assertions use fixed seeds that were not chosen; each states the chance that a correct program fails it.
"""

import numpy as np
import pytest
import torch
from scipy.stats import chi2, kstest, norm
from test_maximum import cube, parabola, positive

from addend.maximum import (
    chernoff,
    composite,
    leave_one_out,
    likelihood_ratio,
    maximise,
    tension,
    weights,
    with_constraints,
)
from addend.parameters import Parameter, ParameterSpace
from addend.scalar import Constraint, constraints
from addend.testing.oracles import ORACLES, Linear, Poisson, views_of_one_systematic

torch.set_num_threads(1)
PLANE = ORACLES["O-11"][0].space.parameters


def test_a_simple_ratio_is_the_difference_of_log_likelihoods():
    x = Poisson().observe([1.0], 30, np.random.default_rng(51))
    s = Poisson().scalar(x)
    exact = (x["x"] * (1.1 - 0.7) - (np.exp(1.1) - np.exp(0.7))).sum()
    assert likelihood_ratio(s, [1.1], [0.7]) == pytest.approx(exact, abs=1e-10)
    assert likelihood_ratio(s, [0.7], [1.1]) == pytest.approx(-exact, abs=1e-10)


def test_expected_differences_grow_with_n_at_the_rate_of_the_divergence():
    """Gaussian shift d: E[S(theta*) - S(theta* + d)] = N d^2 / (2 sigma^2), within 4.5 sd; one failure in 10^5."""
    m, d = Linear("x", Poisson().space.parameters, [1.0], 2.0), 0.8
    for n in (100, 10_000):
        r = likelihood_ratio(
            m.scalar(m.observe([0.3], n, np.random.default_rng(n))), [0.3], [0.3 + d]
        )
        assert abs(r - n * d**2 / 8) < 4.5 * np.sqrt(n) * d / 2


def test_composite_tests_of_a_parabola_are_chi2_statistics():
    h = positive(3, 6)
    s = parabola([0.1, 0.2, 0.3], h, cube(3))
    fit = maximise(s)
    asked = ({"b": 0.9}, {"c": 0.0, "a": 0.5}, {"a": 0, "b": 0, "c": 0})
    one, two, three = (composite(s, fit, at) for at in asked)
    cov = np.linalg.inv(h)
    assert one.statistic == pytest.approx(0.49 / cov[1, 1]) and one.degrees == 1 and one.regular
    away = np.array([-0.3, 0.4])
    assert (
        two.statistic == pytest.approx(away @ np.linalg.inv(cov[np.ix_([2, 0], [2, 0])]) @ away)
        and two.degrees == 2
    )
    assert (
        three.statistic == pytest.approx(np.array([0.1, 0.2, 0.3]) @ h @ [0.1, 0.2, 0.3])
        and three.degrees == 3
    )
    assert two.p_value == pytest.approx(chi2.sf(two.statistic, 2))


def test_wilks_holds_for_a_regular_family():
    """p-values of the truth over 120 Poisson data sets of 200 are uniform: Kolmogorov-Smirnov, one failure in 10^4."""
    rng, p = np.random.default_rng(52), []
    for _ in range(120):
        s = Poisson().scalar(Poisson().observe([0.8], 200, rng))
        p.append(composite(s, maximise(s, keep=1), {"theta": 0.8}).p_value)
    assert kstest(p, "uniform").pvalue > 1e-4


def test_a_test_beside_a_bound_is_not_called_regular():
    s = parabola([6.0, 0.0], np.eye(2), cube(2))
    assert not composite(s, maximise(s), {"b": 0.5}).regular


def test_chernoff_information_of_a_shift_adds_over_modalities():
    """d^2 / (8 sigma^2) for each observation; r at 100,000 quantiles of x in place of random draws."""
    x = norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    parts = [(n, -0.5 * (x - d) ** 2 + 0.5 * x**2) for n, d in ((3, 0.5), (7, 0.2))]
    assert chernoff(parts) == pytest.approx(3 * 0.25 / 8 + 7 * 0.04 / 8, rel=1e-3)


def linear(name: str, direction, x: float, sigma: float = 1.0):
    """One observation of a linear function of (theta_1, theta_2)."""
    return Linear(name, PLANE, direction, sigma).scalar({"x": np.array([x])})


def full(name: str, centre) -> object:
    """A modality that alone identifies both parameters."""
    return linear(name, [1, 0], centre[0], 0.3).named(name) + linear(
        name, [0, 1], centre[1], 0.3
    ).named(name)


def test_tension_of_two_full_modalities_has_p_degrees_of_freedom():
    """Two Gaussian fits that differ by (0.6, -0.3), variances 0.09 each: Q = |difference|^2 / 0.18."""
    s = full("first", [0.0, 0.0]) + full("second", [0.6, -0.3])
    found = tension(s, maximise(s))
    assert (
        found.test.degrees == 2
        and found.test.statistic == pytest.approx((0.36 + 0.09) / 0.18)
        and found.test.regular
    )
    assert found.alone["second"].theta_hat.tolist() == pytest.approx([0.6, -0.3])


def test_modalities_that_share_no_direction_cannot_disagree():
    s = sum([linear("plus", [1, 1], 3.0, 0.1), linear("minus", [1, -1], -1.0, 0.1)])
    found = tension(s, maximise(s))
    assert (
        found.test.degrees == 0
        and found.test.statistic == pytest.approx(0.0, abs=1e-9)
        and found.test.p_value == 1.0
    )


def test_degrees_of_freedom_are_counted_by_rank():
    """A full modality and one that sees a single direction: one degree of freedom, whatever the flat one's own theta_hat."""
    s = full("first", [0.0, 0.0]) + linear("sum", [1, 1], 1.0, 0.4)
    found = tension(s, maximise(s))
    assert found.test.degrees == 1 and found.test.statistic == pytest.approx(
        1.0 / (0.16 + 2 * 0.09)
    )


def test_a_private_nuisance_takes_its_constraint_along():
    """x = theta + 0.5 eta + noise against y = theta + noise: Q = (x - y)^2 over the whole variance of x - y."""
    both = ParameterSpace(
        (
            Parameter("theta", "1", "t", -5, 5),
            Parameter("eta", "1", "e", -5, 5, constraint=(0.0, 1.0)),
        )
    )
    x = Linear("x", both.parameters, [1.0, 0.5], 0.3).scalar({"x": np.array([1.0])})
    y = Linear("y", both.parameters[:1], [1.0], 0.2).scalar({"x": np.array([0.0])})
    s = sum([x, y, *constraints(both)])
    found = tension(s, maximise(s))
    assert set(found.alone) == {"x", "y"} and found.test.degrees == 1
    assert found.test.statistic == pytest.approx(1.0 / (0.09 + 0.25 + 0.04))


def test_a_shared_nuisance_keeps_its_constraint_to_itself():
    """Both modalities feel eta alike: it cancels in their difference, and its constraint is counted once."""
    views = views_of_one_systematic(2, tau=0.8, s=0.3)
    terms = [v.scalar({"x": np.array([value])}) for v, value in zip(views, (1.0, 0.5), strict=True)]
    s = sum([*terms, Constraint(views[0].space["eta"])])
    found = tension(s, maximise(s))
    assert set(found.alone) == {"view_0", "view_1", "constraint:eta"} and found.test.degrees == 1
    assert found.test.statistic == pytest.approx(0.25 / 0.18)


@pytest.mark.slow
def test_the_tension_of_agreeing_data_is_chi2():
    """60 pairs of modalities with two shared parameters: p-values uniform, Kolmogorov-Smirnov, one failure in 10^4."""
    rng, p = np.random.default_rng(54), []
    for _ in range(60):
        a, b = 0.3 * rng.standard_normal((2, 2))
        s = full("first", a) + full("second", b)
        p.append(tension(s, maximise(s, keep=1)).test.p_value)
    assert kstest(p, "uniform").pvalue > 1e-4


def test_leaving_one_out_is_the_fit_of_the_rest():
    s = full("first", [0.0, 0.0]) + full("second", [0.6, -0.3]) + linear("sum", [1, 1], 1.0, 0.4)
    fit = maximise(s)
    left = leave_one_out(s, fit)
    rest = maximise(s.without("second"))
    assert torch.allclose(left["second"].fit.theta_hat, rest.theta_hat, atol=1e-8)
    spread = (rest.covariance - fit.covariance).diagonal().sqrt()
    assert left["second"].pull["theta_1"] == pytest.approx(
        float((rest.theta_hat - fit.theta_hat)[0] / spread[0])
    )


def test_leaving_out_the_only_one_that_sees_a_parameter_gives_no_pull():
    s = sum([linear("plus", [1, 1], 1.0), linear("minus", [1, -1], 0.2)])
    left = leave_one_out(s, maximise(s))["plus"]
    assert left.pull == {"theta_1": None, "theta_2": None} and left.fit.identified == ()


def test_a_modality_alone_keeps_the_constraints_of_its_nuisances():
    views = views_of_one_systematic(2)
    s = sum([v.scalar({"x": np.array([0.5])}) for v in views]) + Constraint(views[0].space["eta"])
    assert set(with_constraints(s, ["view_0"]).terms) == {"view_0", "constraint:eta"}
    assert set(leave_one_out(s, maximise(s))["view_1"].fit.space.names) == {"theta", "eta"}


def test_weights_are_shares_of_the_information():
    s = full("first", [0.0, 0.0]) + linear("theta_1", [1, 0], 1.0, 0.1)
    shares = weights(s, maximise(s))
    assert shares["first"].tolist() == pytest.approx([(1 / 0.09) / (1 / 0.09 + 100), 1.0])
    assert sum(shares.values()).tolist() == pytest.approx([1.0, 1.0])
