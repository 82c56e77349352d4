"""The posterior against exact ones: a Gaussian, one cut by the prior, one with two modes, and one bent along a ridge.

Each comparison is in units of the Monte Carlo error that the sampler itself states, and passes within five of them: with
the numbers compared here a correct sampler fails once in about 10^4 runs. Seeds were not chosen.
"""

import json

import numpy as np
import pytest
import torch
from scipy import stats
from test_maximum import cube, parabola, positive

from addend.errors import NotFinite
from addend.parameters import Parameter, ParameterSpace
from addend.posterior import Posterior, sample
from addend.scalar import Constraint, Function
from addend.testing.oracles import Poisson

torch.set_num_threads(1)
FIVE = 5.0


def agrees(found: Posterior, mean, std) -> None:
    """Means and standard deviations within five stated errors, which are themselves small."""
    z = np.abs(found.mean - mean) / found.mean_error, np.abs(found.std - std) / found.std_error
    print(
        "means",
        found.mean,
        "z",
        z[0],
        "stds",
        found.std,
        "z",
        z[1],
        "ess",
        found.ess,
        "evaluations",
        found.evaluations,
    )
    assert (z[0] < FIVE).all() and (z[1] < FIVE).all()
    assert found.reached and (found.mean_error / found.std < 0.02).all()


def test_a_gaussian_in_four_dimensions():
    h, centre = 9 * positive(4, 7), np.array([0.3, -0.2, 0.5, 0.1])
    found = sample(parabola(centre, h, cube(4)))
    cov = np.linalg.inv(h)
    agrees(found, centre, np.sqrt(np.diag(cov)))
    assert (found.std_error / found.std < 0.011).all() and found.evaluations < 200_000
    correlation = found.covariance / np.outer(found.std, found.std)
    assert np.allclose(correlation, cov / np.sqrt(np.outer(np.diag(cov), np.diag(cov))), atol=0.06)
    assert np.allclose(
        found.interval(),
        (centre + np.outer([-1, 1], np.sqrt(np.diag(cov)))).T,
        atol=0.06 * found.std.max(),
    )


def test_a_prior_that_cuts_the_likelihood():
    """One parameter whose maximum lies outside the support, and one that the data do not touch at all."""
    s = parabola([5.5, 0.0], np.diag([1.0, 0.0]), cube(2))
    cut = stats.truncnorm(-10.5, -0.5, loc=5.5)
    agrees(sample(s), [cut.mean(), 0.0], [cut.std(), 10 / np.sqrt(12)])


def test_two_modes_keep_their_weights():
    """Two to one, forty standard deviations apart: the lighter holds one third, within five binomial errors of the ESS."""

    def peak(t: torch.Tensor, at: float) -> torch.Tensor:
        return -0.5 * ((t[:, 0] - at) / 0.05) ** 2

    found = sample(
        Function(cube(1, 3.0), lambda t: torch.logaddexp(peak(t, 1.0), peak(t, -1.0) + np.log(0.5)))
    )
    share = (found.samples[:, 0] < 0).mean()
    assert abs(share - 1 / 3) < FIVE * np.sqrt(2 / 9 / found.ess[0])


def test_a_ridge_of_which_only_a_product_is_known():
    """H0 rd = 10154 to 0.7 % within [50, 90] x [100, 200], as from BAO alone; against quadrature on the exact density."""
    bounds = {"H0": (50, 90), "Om": (0.05, 0.7), "rd": (100, 200)}
    space = ParameterSpace(tuple(Parameter(n, "1", n, *b) for n, b in bounds.items()))

    def residuals(t: torch.Tensor) -> torch.Tensor:
        return torch.stack([(t[:, 0] * t[:, 2] / 10154).log() / 0.007, (t[:, 1] - 0.2975) / 0.0086])

    s = Function(space, lambda t: -0.5 * residuals(t).square().sum(dim=0))
    a, b = np.meshgrid(np.linspace(50, 90, 2001), np.linspace(100, 200, 8001), indexing="ij")
    p = np.exp(-0.5 * (np.log(a * b / 10154) / 0.007) ** 2)
    p /= p.sum()
    means = [(p * v).sum() for v in (a, b)]
    stds = [np.sqrt((p * (v - m) ** 2).sum()) for v, m in zip((a, b), means, strict=True)]
    found = sample(s)
    agrees(found, [means[0], 0.2975, means[1]], [stds[0], 0.0086, stds[1]])
    assert found.evaluations < 220_000


def test_a_constraint_is_a_term_of_s_and_not_part_of_the_prior():
    eta = Parameter("eta", "1", "a systematic", -5, 5, constraint=(0.0, 1.0))
    free = Function(ParameterSpace((eta,)), lambda t: 0.0 * t[:, 0])
    agrees(sample(free), [0.0], [10 / np.sqrt(12)])
    agrees(sample(free + Constraint(eta)), [0.0], [1.0])


def test_one_seed_one_posterior():
    s = Poisson().scalar({"x": np.array([2.0, 3.0, 1.0])})
    runs = [sample(s, seed, ess=500) for seed in (3, 3, 4)]
    assert np.array_equal(runs[0].samples, runs[1].samples) and not np.array_equal(
        runs[0].samples[:9], runs[2].samples[:9]
    )


@pytest.mark.slow
def test_the_stated_error_is_the_scatter_between_seeds():
    """16 runs on a gamma posterior: scatter of the mean over the stated error within 1 +- 4.5 / sqrt(2 x 15), and above 0.2."""
    s = Poisson().scalar({"x": np.array([2.0, 3.0, 1.0])})
    runs = [sample(s, seed, ess=500) for seed in range(16)]
    ratio = np.std([r.mean[0] for r in runs], ddof=1) / np.mean([r.mean_error[0] for r in runs])
    assert 0.2 < ratio < 1 + 4.5 / np.sqrt(30)


def test_a_budget_too_small_is_said_not_hidden():
    found = sample(parabola(np.zeros(3), np.eye(3), cube(3)), ess=50_000, budget=20_000)
    assert not found.reached and found.ess.min() < 50_000


def test_the_summary_is_plain_json_by_parameter():
    told = json.loads(
        json.dumps(sample(parabola([0.5], [[4.0]], cube(1)), ess=500).as_dict(), allow_nan=False)
    )
    mine = told["parameters"]["a"]
    assert (
        mine["posterior_mean"] == pytest.approx(0.5, abs=0.15)
        and mine["interval_68"][0] < 0.5 < mine["interval_68"][1]
    )
    assert mine["interval_95"][0] < mine["interval_68"][0] and mine["std_error"] > 0


def test_a_nan_is_loud():
    with pytest.raises(NotFinite):
        sample(Function(cube(1), lambda t: torch.where(t[:, 0] > 4.9, torch.nan, -(t[:, 0] ** 2))))
