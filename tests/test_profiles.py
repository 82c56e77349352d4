"""Profiles, intervals and nuisance parameters against the exact Gaussian case, and against one that is not."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import multivariate_normal
from test_maximum import cube, parabola, positive

from addend.errors import BadSetting, OutsideSupport, UnknownParameter
from addend.maximum import Contour, Marginal, Profiled, contour, maximise, profile, profile_interval
from addend.parameters import Parameter, ParameterSpace
from addend.scalar import Function, constraints
from addend.scalar.jet import differentiate

torch.set_num_threads(1)
H = positive(4, 5)
CENTRE = np.array([0.3, -0.2, 0.5, 0.1])


@pytest.fixture(scope="module")
def gaussian():
    s = parabola(CENTRE, H, cube(4))
    return s, maximise(s)


@pytest.fixture(scope="module")
def banana():
    """S of two numbers of which only the product is known well, and one of them badly."""
    space = ParameterSpace((Parameter("a", "1", "a", 50, 90), Parameter("b", "1", "b", 100, 200)))
    s = Function(
        space,
        lambda t: (
            -0.5 * ((t[:, 0] * t[:, 1] / 10154).log() / 0.007) ** 2
            - 0.5 * ((t[:, 0] - 70) / 3) ** 2
        ),
    )
    return s, maximise(s)


@pytest.mark.parametrize("names", ["a", ("b",), ("c", "a"), ("d", "b", "a"), ("a", "b", "c", "d")])
def test_a_profile_of_a_parabola_is_the_parabola_of_the_marginal_covariance(gaussian, names):
    s, fit = gaussian
    index = s.space.index([names] if isinstance(names, str) else names)
    grid = np.random.default_rng(0).uniform(-2, 2, (11, len(index)))
    curve = profile(s, fit, names, grid)
    inverse = np.linalg.inv(np.linalg.inv(H)[np.ix_(index, index)])
    away = grid - CENTRE[index]
    assert np.allclose(curve.t, np.einsum("ga,ab,gb->g", away, inverse, away), atol=1e-8)
    assert torch.allclose(curve.theta[:, index], torch.from_numpy(grid), rtol=1e-14)


def test_a_profile_follows_a_curved_ridge(banana):
    s, fit = banana
    curve = profile(s, fit, "a", torch.linspace(52, 88, 37))
    assert np.allclose(curve.t, ((np.linspace(52, 88, 37) - 70) / 3) ** 2, atol=1e-6)
    assert torch.allclose(curve.theta.prod(dim=1), torch.full((37,), 10154.0).double(), rtol=1e-6)


def test_a_profile_finds_the_other_branch():
    """At each a the maximum over b is at +2 or -2, whichever is nearer to the sign of a: no warm start may hide it."""
    two = Function(
        cube(2, 3.0), lambda t: -8 * (t[:, 1] ** 2 / 4 - 1) ** 2 + t[:, 0] * t[:, 1] - t[:, 0] ** 2
    )
    curve = profile(two, maximise(two), "a", torch.linspace(-2.9, 2.9, 30))
    assert torch.equal(curve.theta[:, 1].sign(), curve.grid[:, 0].sign())


def test_intervals_of_a_parabola_are_standard_deviations(gaussian):
    s, fit = gaussian
    for d, name in enumerate(s.space.names):
        for level, sigmas in ((0.6826894921370859, 1.0), (0.9544997361036416, 2.0)):
            found = profile_interval(s, fit, name, level)
            expected = CENTRE[d] + sigmas * np.sqrt(np.linalg.inv(H)[d, d]) * np.array([-1, 1])
            assert [found.low, found.high] == pytest.approx(expected, abs=1e-5 * float(fit.std[d]))
            assert found.connected and not found.low_at_bound and not found.high_at_bound


def test_an_interval_is_invariant_under_reparameterisation(banana):
    """Of b = 10154 / a the interval is the image of that of a, up to the 0.7 % that blurs it."""
    s, fit = banana
    a, b = (profile_interval(s, fit, n) for n in "ab")
    assert (a.low, a.high) == (pytest.approx(67.0, abs=1e-4), pytest.approx(73.0, abs=1e-4))
    assert b.low == pytest.approx(10154 / 73.0, rel=2e-3) and b.high == pytest.approx(
        10154 / 67.0, rel=2e-3
    )


def test_an_interval_that_the_data_do_not_close_ends_at_the_bound():
    s = parabola([4.5, 0.0], np.diag([1.0, 1e-6]), cube(2))
    fit = maximise(s)
    a, b = (profile_interval(s, fit, n) for n in "ab")
    assert (
        a.high == 5.0
        and a.high_at_bound
        and not a.low_at_bound
        and a.low == pytest.approx(3.5, abs=1e-4)
    )
    assert (b.low, b.high, b.low_at_bound, b.high_at_bound) == (-5.0, 5.0, True, True)


def test_an_interval_in_two_pieces_says_so():
    s = Function(cube(1, 3.0), lambda t: -50 * (t[:, 0] ** 2 - 1) ** 2)
    found = profile_interval(s, maximise(s), "a")
    edge = math.sqrt(1 + 1 / math.sqrt(100))
    assert not found.connected and (found.low, found.high) == (
        pytest.approx(-edge, abs=1e-4),
        pytest.approx(edge, abs=1e-4),
    )


def test_another_critical_value_widens_an_interval(gaussian):
    s, fit = gaussian
    assert profile_interval(s, fit, "a", critical=4.0).high == pytest.approx(
        CENTRE[0] + 2 * float(fit.std[0]), abs=1e-4
    )


def test_a_contour_is_the_profile_of_a_pair(gaussian):
    s, fit = gaussian
    found = contour(s, fit, ("b", "d"), points=9, sigmas=2.0)
    assert found.t.shape == (9, 9) and found.t[4, 4] == pytest.approx(0.0, abs=1e-9)
    away = torch.cartesian_prod(found.x - CENTRE[1], found.y - CENTRE[3]).numpy()
    inverse = np.linalg.inv(np.linalg.inv(H)[np.ix_([1, 3], [1, 3])])
    assert np.allclose(
        found.t.reshape(-1), np.einsum("ga,ab,gb->g", away, inverse, away), atol=1e-8
    )
    assert Contour.level(0.6827) == pytest.approx(2.296, abs=1e-3)


def test_a_profile_outside_the_support_is_refused(gaussian):
    with pytest.raises(OutsideSupport):
        profile(*gaussian, "a", [6.0])
    with pytest.raises(UnknownParameter):
        profile(*gaussian, "z", [0.0])


@pytest.mark.parametrize("form", [Profiled, Marginal])
def test_nuisances_eliminated_from_a_parabola_leave_the_marginal_covariance(gaussian, form):
    """For a Gaussian, profiling and marginalising agree but for the constant log sqrt det(2 pi H_eta eta^{-1})."""
    s, fit = gaussian
    left = form(s, ["d", "b"], fit)
    theta = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (5, 2)))
    inverse = np.linalg.inv(np.linalg.inv(H)[np.ix_([0, 2], [0, 2])])
    away = theta.numpy() - CENTRE[[0, 2]]
    constant = (
        math.log(2 * math.pi) - 0.5 * np.linalg.slogdet(H[np.ix_([1, 3], [1, 3])])[1]
        if form is Marginal
        else 0.0
    )
    expected = -0.5 * np.einsum("ja,ab,jb->j", away, inverse, away) + constant
    assert left.space.names == ("a", "c") and np.allclose(left(theta), expected, atol=1e-7)
    assert np.allclose(left.gradient(theta), -away @ inverse, atol=1e-6) and np.allclose(
        left.hessian(theta), -inverse, atol=1e-6
    )
    assert np.allclose(maximise(left).covariance, np.linalg.inv(inverse), atol=1e-6)


@pytest.mark.parametrize("form", [Profiled, Marginal])
def test_both_ways_to_the_derivatives_agree(banana, form):
    """Schur complement or posterior moments, against autograd through the conditional maximum or the quadrature."""
    s, fit = banana
    left = form(s, ["b"], fit)
    theta = torch.tensor([[63.0], [71.0], [78.0]]).double()
    through = differentiate(left.values, theta)
    assert torch.allclose(left.gradient(theta), through.gradient, rtol=1e-6, atol=1e-9)
    assert torch.allclose(left.hessian(theta), through.hessian, rtol=1e-6, atol=1e-9)


def test_systematics_as_parameters_reproduce_the_full_covariance():
    """x = theta + d_1 eta_1 + d_2 eta_2 + noise with eta ~ N(0, 1): rows are independent given (theta, eta), and with eta
    profiled or marginalised after the sum S is the Gaussian of covariance diag(s^2) + d_1 d_1^T + d_2 d_2^T."""
    rng = np.random.default_rng(41)
    x, s, d = (
        rng.normal(1.0, 1.0, 15),
        rng.uniform(0.2, 0.6, 15),
        0.2 * rng.standard_normal((2, 15)),
    )
    nuisances = [
        Parameter(f"eta_{k}", "1", "a systematic", -5.0, 5.0, constraint=(0.0, 1.0)) for k in (1, 2)
    ]
    space = ParameterSpace((Parameter("theta", "1", "theta", -5.0, 5.0), *nuisances))
    xs, ss, ds = (torch.from_numpy(v) for v in (x, s, d))
    rows = Function(space, lambda t: -0.5 * ((xs - t[:, :1] - t[:, 1:] @ ds) / ss).square())
    total = sum([rows, *constraints(space)])
    fit, theta = maximise(total), torch.linspace(-0.5, 2.5, 7).double()[:, None]
    exact = multivariate_normal(cov=np.diag(s**2) + d.T @ d).logpdf(x - theta.numpy())
    for form in (Profiled, Marginal):
        left = form(total, ["eta_1", "eta_2"], fit)(theta).numpy()
        assert np.allclose(left - left[0], exact - exact[0], atol=1e-7)


def test_a_nuisance_cut_by_its_support_is_integrated_to_the_cut():
    """Where the conditional maximum is at a bound, profile and marginal differ; the marginal is the integral."""
    space = ParameterSpace(
        (Parameter("a", "1", "a", -5.0, 5.0), Parameter("eta", "1", "eta", -1.0, 1.0))
    )
    s = Function(space, lambda t: -2 * (t[:, 0] - t[:, 1]) ** 2 - 0.5 * t[:, 1] ** 2)
    fit = maximise(s)
    for a in (-3.0, 0.0, 1.0, 4.0):
        integral = quad(
            lambda e, a=a: math.exp(-2 * (a - e) ** 2 - 0.5 * e * e), -1, 1, epsabs=0, epsrel=1e-12
        )[0]
        eta = min(1.0, max(-1.0, 0.8 * a))
        assert float(Marginal(s, ["eta"], fit)([a])) == pytest.approx(math.log(integral), abs=1e-9)
        assert float(Profiled(s, ["eta"], fit)([a])) == pytest.approx(
            -2 * (a - eta) ** 2 - 0.5 * eta**2, abs=1e-9
        )


def test_more_nuisances_than_a_grid_can_hold_are_refused():
    s = parabola(np.zeros(6), np.eye(6), cube(6))
    with pytest.raises(BadSetting, match="4 nuisances"):
        Marginal(s, list("abcd"), maximise(s))
