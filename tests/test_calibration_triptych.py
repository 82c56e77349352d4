"""Every diagnostic of posteriors: the exact one lies on the diagonal, one twice too wide above, one half as wide below.

Exact posteriors are refused at most at the stated rate of 5 % (counted over repetitions, each test itself failing by
chance in one case of a thousand); wrong ones are named in at least 90 % of repetitions with 300 data sets.
"""

import numpy as np
import pytest
from calibration_oracles import allowed, box_posteriors, gaussian_posteriors

from addend.calibration import tarp
from addend.calibration.closure import Closure
from addend.calibration.coverage import (
    ONE_SIGMA,
    Coverage,
    central_credibility,
    credibility_from_samples,
    credibility_from_weights,
)
from addend.calibration.ranks import Ranks, rank_from_samples, rank_from_weights
from addend.errors import NotMergeable, TooFewSimulations

N, REPEATS, POWER = 300, 60, 20
NAMES = ("first", "second")
WIDTHS = {1.0: "calibrated", 2.0: "conservative", 0.5: "overconfident"}


def ranks_by_samples(widen, rng, n=N):
    truth, samples, _ = gaussian_posteriors(n, widen, rng)
    return Ranks.measure(NAMES, rank_from_samples(samples, truth, rng))


def ranks_by_weights(widen, rng, n=N):
    truth, points, s, s_truth = box_posteriors(n, widen, rng)
    return Ranks.measure(NAMES, rank_from_weights(points, s, truth, s_truth, rng))


def coverage_by_samples(widen, rng, n=N):
    truth, samples, density = gaussian_posteriors(n, widen, rng)
    return Coverage.measure(
        ("joint",), credibility_from_samples(density(samples), density(truth[:, None])[:, 0], rng)
    )


def coverage_by_weights(widen, rng, n=N):
    _, _, s, s_truth = box_posteriors(n, widen, rng)
    return Coverage.measure(("joint",), credibility_from_weights(s, s, s_truth, s_truth, rng))


def coverage_by_parameter(widen, rng, n=N):
    truth, samples, _ = gaussian_posteriors(n, widen, rng)
    return Coverage.measure(NAMES, central_credibility(rank_from_samples(samples, truth, rng)))


def tarp_by_samples(widen, rng, n=N):
    truth, samples, _ = gaussian_posteriors(n, widen, rng)
    flat = np.zeros(samples.shape[:2])
    return tarp.coverage(
        tarp.fraction_closer(samples, flat, truth, flat[:, 0], 3 * tarp.references(n, 2, rng), rng)
    )


def tarp_by_weights(widen, rng, n=N):
    truth, points, s, s_truth = box_posteriors(n, widen, rng)
    return tarp.coverage(
        tarp.fraction_closer(points, s, truth, s_truth, tarp.references(n, 2, rng), rng)
    )


EVERY = [
    ranks_by_samples, ranks_by_weights, coverage_by_samples, coverage_by_weights, coverage_by_parameter, tarp_by_samples,
    tarp_by_weights,
]  # fmt: skip


@pytest.mark.parametrize("measure", EVERY, ids=lambda f: f.__name__)
def test_exact_posteriors_are_called_calibrated(measure):
    rng = np.random.default_rng(1)
    alarms = sum(
        set(measure(1.0, rng).verdicts(0.05).values()) != {"calibrated"} for _ in range(REPEATS)
    )
    print(
        f"{measure.__name__}: {alarms} false alarms in {REPEATS}, up to {allowed(REPEATS, 0.05)} by chance"
    )
    assert alarms <= allowed(REPEATS, 0.05)


@pytest.mark.parametrize("widen", [2.0, 0.5])
@pytest.mark.parametrize("measure", EVERY, ids=lambda f: f.__name__)
def test_posteriors_of_wrong_width_are_named(measure, widen):
    rng = np.random.default_rng(2)
    named = sum(
        set(measure(widen, rng).verdicts(0.05).values()) == {WIDTHS[widen]} for _ in range(POWER)
    )
    print(f"{measure.__name__} x{widen}: named in {named} of {POWER}")
    assert named >= 0.9 * POWER


@pytest.mark.parametrize("measure", EVERY[2:], ids=lambda f: f.__name__)
def test_curves_lie_on_above_and_below_the_diagonal(measure):
    rng = np.random.default_rng(3)
    exact, wide, narrow = (measure(widen, rng, 1000).coverage for widen in WIDTHS)
    levels = measure(1.0, rng).levels
    assert np.abs(exact - levels).max() < 0.08
    assert (wide > levels + 0.01).all()
    assert (narrow < levels - 0.01).all()


def test_closure_pulls_are_the_width_they_should_be():
    rng = np.random.default_rng(4)
    for widen in WIDTHS:
        truth = rng.standard_normal((2000, 2))
        hat, sigma = truth + rng.standard_normal(truth.shape), np.full(truth.shape, widen)
        inside = (np.abs(hat - truth) <= sigma)[:, :, None]
        closure = Closure.measure(NAMES, truth, hat, sigma, (ONE_SIGMA,), inside)
        assert np.allclose(closure.pulls[1], 1 / widen, rtol=0.1)
        assert np.all(np.abs(closure.bias[0]) < 5 * closure.bias[1])
        assert (closure.coverage > ONE_SIGMA + 0.05).all() == (widen == 2.0)
        assert (closure.coverage < ONE_SIGMA - 0.05).all() == (widen == 0.5)


def test_a_shifted_posterior_is_called_biased():
    rng = np.random.default_rng(5)
    truth, samples, _ = gaussian_posteriors(1000, 1.0, rng)
    assert set(
        Ranks.measure(NAMES, rank_from_samples(samples + 0.3, truth, rng)).verdicts().values()
    ) == {"biased"}


def test_ranks_are_uniform_however_few_the_points_and_whatever_the_proposal():
    rng = np.random.default_rng(6)
    n = 20_000
    truth = rng.random((n, 1))
    x = truth + 0.1 * rng.standard_normal((n, 1))
    points = rng.beta(2.0, 3.0, (n, 5, 1))
    proposal = lambda t: np.log(t * (1 - t) ** 2)  # noqa: E731
    weigh = lambda t: -((x - t) ** 2) / (2 * 0.1**2) - proposal(t)  # noqa: E731
    u = rank_from_weights(points, weigh(points[:, :, 0]), truth, weigh(truth)[:, 0], rng)
    assert Ranks.measure(("theta",), u).p_values()[0] > 1e-3


@pytest.mark.parametrize("measure", EVERY, ids=lambda f: f.__name__)
def test_shards_merge_to_the_whole(measure):
    rng = np.random.default_rng(7)
    parts = [measure(1.0, rng, 40) for _ in range(3)]
    whole, other = sum(parts), parts[2] + (parts[0] + parts[1])
    assert whole.as_dict() == other.as_dict() == type(whole).from_dict(whole.as_dict()).as_dict()
    assert whole.n == 120


def test_histograms_of_other_names_or_levels_do_not_merge():
    u = np.linspace(0.01, 0.99, 100)
    with pytest.raises(NotMergeable, match="names"):
        Ranks.measure(("a",), u) + Ranks.measure(("b",), u)
    with pytest.raises(NotMergeable, match="levels"):
        Coverage.measure(("a",), u) + Coverage.measure(("a",), u, levels=(0.5,))
    with pytest.raises(NotMergeable, match="cannot be added"):
        Ranks.measure(("a",), u) + Coverage.measure(("a",), u)


def test_too_few_data_sets_give_no_verdict():
    with pytest.raises(TooFewSimulations):
        Ranks.measure(("a",), np.linspace(0.1, 0.9, 10)).verdicts()
    with pytest.raises(TooFewSimulations):
        Coverage.measure(("a",), np.zeros((0, 1))).verdicts()
