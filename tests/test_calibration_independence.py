"""Modalities that share what theta does not hold (methods' oracle: x_m = theta + eta + noise, eta ~ N(0, tau^2) per object).

Each expert is exact for its own x_m, and the naive sum is over-confident all the same. The gate notices; each remedy
restores coverage.
"""

import json

import numpy as np
import pytest
import torch
from calibration_oracles import allowed, within
from scipy.stats import norm

from addend.calibration.coverage import ONE_SIGMA
from addend.calibration.independence import Pairs, check_independence, derange, equal_theta, repair
from addend.calibration.pairwise import PairwiseTerm
from addend.calibration.sandwich import sandwich
from addend.errors import CoupledModalities, TooFewSimulations
from addend.maximum import maximise
from addend.numerics.clusters import cluster_covariance
from addend.parameters import Parameter, ParameterSpace
from addend.scalar import Function

NAMES = ("left", "right")


def objects(theta, tau, rng, views=2):
    """theta `(n,)` to x `(n, views)`."""
    return (
        theta[:, None]
        + tau * rng.standard_normal((len(theta), 1))
        + rng.standard_normal((len(theta), views))
    )


def pairs_of(n, tau, rng, theta=None):
    theta = rng.uniform(-2, 2, n) if theta is None else theta
    x = objects(theta, tau, rng)
    return Pairs(NAMES, theta[:, None], x[:, :1], x[:, 1:])


@pytest.mark.slow
def test_the_gate_keeps_its_false_alarm_rate_and_has_power_at_half_a_sigma():
    """2000 pairs, theta all over its prior; z_b a curved function of x_b, so the regression on theta is not exact."""
    rng, trials, power = np.random.default_rng(1), 60, 15
    curved = lambda p: Pairs(p.names, p.theta, p.a, np.concatenate([np.exp(p.b / 2), p.b], axis=1))  # noqa: E731
    alarms = sum(
        check_independence(curved(pairs_of(2000, 0.0, rng)), rng).fires for _ in range(trials)
    )
    found = sum(
        check_independence(curved(pairs_of(2000, 0.5, rng)), rng).fires for _ in range(power)
    )
    print(f"{alarms} false alarms in {trials} at 5 %; power {found}/{power} at tau = 0.5")
    assert alarms <= allowed(trials, 0.05)
    assert found >= 0.9 * power


def test_the_gate_works_where_all_pairs_have_one_theta():
    rng, trials, one = np.random.default_rng(2), 40, np.full(500, 0.7)
    alarms = sum(check_independence(pairs_of(500, 0.0, rng, one), rng).fires for _ in range(trials))
    assert alarms <= allowed(trials, 0.05)
    assert check_independence(pairs_of(500, 0.6, rng, one), rng).fires


def test_the_classifier_sees_a_shared_variance_that_has_no_linear_correlation():
    rng, found, linear = np.random.default_rng(3), 0, 0
    for _ in range(10):
        theta = rng.uniform(-2, 2, (2000, 1))
        width = np.exp(0.5 * rng.standard_normal((2000, 1)))
        result = check_independence(
            Pairs(NAMES, theta, *(theta + width * rng.standard_normal((2, 2000, 1)))), rng
        )
        found, linear = found + (result.classifier <= 0.025), linear + (result.correlation <= 0.025)
    print(f"classifier {found} of 10, correlation {linear} of 10")
    assert found >= 9


def test_the_gate_warns_by_name_and_only_if_it_fires():
    rng = np.random.default_rng(4)
    with pytest.warns(CoupledModalities, match="'left' and 'right'"):
        check_independence(pairs_of(2000, 1.0, rng), rng).warn()
    check_independence(pairs_of(2000, 0.0, rng), rng, false_alarm=0.0).warn()
    with pytest.raises(TooFewSimulations):
        check_independence(pairs_of(20, 0.0, rng), rng)


def test_pairs_merge_and_the_verdict_does_not_depend_on_the_order():
    whole = pairs_of(900, 0.3, np.random.default_rng(5))
    parts = [Pairs(NAMES, whole.theta[i::3], whole.a[i::3], whole.b[i::3]) for i in range(3)]
    verdicts = [
        check_independence(p, np.random.default_rng(6))
        for p in (whole, parts[2] + parts[0] + parts[1])
    ]
    assert verdicts[0] == verdicts[1]


def test_re_pairing_stays_among_equal_theta():
    rng = np.random.default_rng(7)
    theta = rng.random((3000, 2))
    blocks = equal_theta(theta)
    for moved in (repair(blocks, rng), derange(blocks, rng)):
        assert (blocks[moved] == blocks).all()
        assert sorted(moved) == list(range(3000))
    assert (moved != np.arange(3000)).all()
    assert 16 <= np.bincount(blocks).min() <= np.bincount(blocks).max() < 32
    assert np.abs(theta[moved] - theta).max() < 0.25


def coverage_of(hat, sd, theta=0.0):
    return int((np.abs(hat - theta) <= sd).sum())


def test_naive_coverage_collapses_as_the_shared_part_grows():
    """100 objects in 8 views: the sum claims (tau^2 + 1)/8 an object, the truth is tau^2 + 1/8."""
    rng, trials, n, views = np.random.default_rng(8), 4000, 100, 8
    seen = []
    for tau in (0.0, 0.5, 1.0, 2.0):
        hat = (tau * rng.standard_normal((trials, n)).mean(axis=1)) + rng.standard_normal(
            (trials, n * views)
        ).mean(axis=1)
        claimed = np.sqrt((tau**2 + 1) / views / n)
        seen.append(coverage_of(hat, claimed))
        expected = 1 - 2 * norm.sf(claimed / np.sqrt((tau**2 + 1 / views) / n))
        print(f"tau = {tau}: naive coverage {seen[-1] / trials:.3f}, expected {expected:.3f}")
        assert within(seen[-1], trials, expected)
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] < 0.4 * trials


def test_each_remedy_for_objects_seen_twice_restores_coverage():
    """tau = 2, 200 objects, 400 data sets: naive, clustered sandwich, joint expert, pairwise term learned from 20,000 pairs."""
    rng, trials, n, tau = np.random.default_rng(9), 400, 200, 2.0
    term = PairwiseTerm.learn(pairs_of(20_000, tau, rng), rng)
    grid = np.linspace(-0.5, 0.5, 9)
    held = dict.fromkeys(("naive", "sandwich", "joint", "pairwise"), 0)
    for _ in range(trials):
        x = objects(np.zeros(n), tau, rng)
        alone = tau**2 + 1
        hat, naive = x.mean(), np.sqrt(alone / 2 / n)
        g = ((x - hat) / alone).reshape(-1, 1)
        cluster = np.sqrt(
            sandwich(
                np.array([[2 * n / alone]]), cluster_covariance(g, np.repeat(np.arange(n), 2))
            )[0, 0]
        )
        s = -((x[:, :, None] - grid) ** 2).sum(axis=(0, 1)) / 2 / alone + term(
            grid[:, None], x[:, :1], x[:, 1:]
        )
        second, first, _ = np.polyfit(grid, s, 2)
        sets = {"naive": (hat, naive), "sandwich": (hat, cluster), "joint": (hat, np.sqrt((tau**2 + 0.5) / n)),
                "pairwise": (-first / 2 / second, np.sqrt(-1 / 2 / second))}  # fmt: skip
        held = {k: held[k] + coverage_of(*sets[k]) for k in held}
    print({k: v / trials for k, v in held.items()})
    assert not within(held.pop("naive"), trials, ONE_SIGMA)
    assert all(within(k, trials, ONE_SIGMA) for k in held.values())


def test_the_pairwise_term_is_an_addend():
    """theta_hat and its error are the exact joint law's: 20,000 pairs teach the term to sqrt(200 / 20,000) = 0.1 sigma or so."""
    rng, n, tau = np.random.default_rng(12), 200, 2.0
    term = PairwiseTerm.learn(pairs_of(20_000, tau, rng), rng)
    x, space = (
        objects(np.zeros(n), tau, rng),
        ParameterSpace((Parameter("mu", "1", "the mean", -2.0, 2.0),)),
    )
    alone = [
        Function(space, lambda t, y=y: -0.5 * (torch.from_numpy(y) - t) ** 2 / (tau**2 + 1))
        for y in x.T
    ]
    total, theta = (
        sum([*alone, term.scalar(space, x[:, :1], x[:, 1:])]),
        torch.linspace(-1, 1, 5).double()[:, None],
    )
    assert np.allclose(total(theta) - sum(alone)(theta), term(theta.numpy(), x[:, :1], x[:, 1:]))
    fit, sigma = maximise(total), np.sqrt((tau**2 + 0.5) / n)
    print(
        f"off by {(float(fit.theta[0]) - x.mean()) / sigma:.3f} sigma, error {float(fit.std[0]) / sigma:.3f} of the exact one"
    )
    assert (
        abs(float(fit.theta[0]) - x.mean()) < 0.4 * sigma
        and abs(float(fit.std[0]) / sigma - 1) < 0.1
    )


def test_a_systematic_of_the_whole_data_set_belongs_in_theta():
    """eta ~ N(0, 1) shifts all of one modality. Left out, coverage goes to nothing as N grows; profiled, it holds."""
    rng, trials, n, tau = np.random.default_rng(10), 4000, 400, 0.5
    eta = rng.standard_normal(trials)
    a = tau * eta + rng.standard_normal(trials) / np.sqrt(n)
    b = rng.standard_normal(trials) / np.sqrt(n / 16)
    naive = coverage_of((n * a + n / 16 * b) / (n + n / 16), np.sqrt(1 / (n + n / 16)))
    H = np.array([[n + n / 16, n * tau], [n * tau, n * tau**2 + 1]])
    g = np.stack([n * a + n / 16 * b, n * tau * a])
    hat = np.linalg.solve(H, g)[0]
    with_eta = coverage_of(hat, np.sqrt(np.linalg.inv(H)[0, 0]))
    print(
        f"coverage {naive / trials:.3f} without eta, {with_eta / trials:.3f} with it in theta and its constraint once"
    )
    assert naive < 0.2 * trials
    assert within(with_eta, trials, ONE_SIGMA)


def test_the_learned_pairwise_term_is_the_exact_one():
    rng, tau = np.random.default_rng(11), 1.0
    term = PairwiseTerm.learn(pairs_of(40_000, tau, rng), rng)
    term = PairwiseTerm.from_dict(json.loads(json.dumps(term.as_dict())))
    x, theta = objects(np.zeros(300), tau, rng), np.linspace(-0.3, 0.3, 7)
    r = x[:, :, None] - theta
    inverse = np.linalg.inv(np.eye(2) + tau**2) - np.eye(2) / (1 + tau**2)
    exact = -np.einsum("nat,ab,nbt->t", r, inverse, r) / 2
    learned = term(theta[:, None], x[:, :1], x[:, 1:])
    error = np.ptp((learned - learned[3]) - (exact - exact[3]))
    print(f"error {error:.2f} nat of a range of {np.ptp(exact):.1f}, 300 pairs")
    assert error < 0.1 * np.ptp(exact)
