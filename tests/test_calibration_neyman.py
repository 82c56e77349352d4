"""Neyman sets cover whatever psi is; Wilks' do not."""

import json

import numpy as np
import pytest
from calibration_oracles import ORACLES, allowed, within
from scipy import stats

from addend.calibration.bands import binomial
from addend.calibration.coverage import ONE_SIGMA, TWO_SIGMA
from addend.calibration.neyman import Audit, CriticalValues, Draws, learn, quantile_regression
from addend.calibration.tension import TensionLaw, statistic, wilks
from addend.errors import TooFewSimulations

LEVELS = (ONE_SIGMA, TWO_SIGMA)


def t_of_a_wrong_psi(name, theta, n, rng, sharpen=2.0, bias=0.05):
    """t at the true theta `(T,)` of n observations each, for psi = sharpen log p + bias theta."""
    oracle = ORACLES[name]
    x = oracle.draw(theta, n, rng)
    score = lambda x, t: sharpen * oracle.score(x, t) + bias  # noqa: E731
    hat = oracle.argmax(x, score, lambda x, t: sharpen * oracle.hessian(x, t))
    s = lambda t: (sharpen * oracle.log_p(x, t[:, None]) + bias * t[:, None]).sum(axis=1)  # noqa: E731
    return 2 * (s(hat) - s(theta))


@pytest.mark.parametrize("name", ORACLES)
def test_learned_sets_cover_where_those_of_wilks_do_not(name):
    """N = 100, psi twice too sharp and biased; 2000 draws teach, 2000 others audit.

    The audit's own band (false alarm 1 in 1000) and what 2000 draws leave of the learned quantile are both allowed for.
    """
    oracle, rng, draws = ORACLES[name], np.random.default_rng(1), 2000
    theta, audit = (rng.uniform(oracle.low, oracle.high, (draws, 1)) for _ in range(2))
    learned = learn(Draws(("theta",), theta, t_of_a_wrong_psi(name, theta[:, 0], 100, rng)))
    t = t_of_a_wrong_psi(name, audit[:, 0], 100, rng)
    found = Audit.measure(
        ("theta",), audit, learned.inside(audit, t), LEVELS, [oracle.low], [oracle.high]
    )
    plain = (t[:, None] <= stats.chi2.ppf(LEVELS, 1)).mean(axis=0)
    print(
        f"{name}: Wilks {plain.round(3)}, learned {found.coverage.round(3)} for nominal .683 .954, n = {draws}"
    )
    spread = np.sqrt(np.array(LEVELS) * (1 - np.array(LEVELS)) / draws * 2)
    assert (np.abs(found.coverage - LEVELS) < 3.3 * spread + [0.005, 0.003]).all()
    assert plain[0] < 0.6
    assert not found.failing(1e-3)


def test_the_linear_programme_finds_the_quantile_and_the_least_pinball_loss():
    rng = np.random.default_rng(2)
    y = rng.standard_normal(999)
    assert np.isclose(quantile_regression(np.ones((999, 1)), y, 0.7)[0], np.sort(y)[699])
    x = np.stack([np.ones(999), rng.random(999)], axis=1)
    best = quantile_regression(x, y + x[:, 1], 0.9)
    loss = lambda beta: np.sum((r := y + x[:, 1] - x @ beta) * (0.9 - (r < 0)))  # noqa: E731
    assert all(
        loss(best) <= loss(best + 0.05 * step) + 1e-9 for step in rng.standard_normal((100, 2))
    )


def test_critical_values_follow_theta_and_are_ordered():
    """t = theta-dependent scale times chi^2: c must be scale times the chi^2 quantile, within 15 %."""
    rng = np.random.default_rng(3)
    theta = rng.uniform(-1, 1, (6000, 2))
    c = learn(Draws(("a", "b"), theta, np.exp(theta[:, 0]) * rng.chisquare(1, 6000)))
    at = np.array([[-0.8, 0.3], [0.0, 0.0], [0.8, -0.5]])
    assert np.allclose(c(at), np.exp(at[:, :1]) * stats.chi2.ppf(LEVELS, 1), rtol=0.15)
    crossing = CriticalValues(
        ("a",), (0.0,), (1.0,), 1, LEVELS, np.array([[0.0, 1.0], [0.0, -1.0]]), 100
    )
    assert (np.diff(crossing(np.linspace(0, 1, 9)[:, None])) >= 0).all()
    assert (crossing(np.array([[5.0]])) == crossing(np.array([[1.0]]))).all()


def test_draws_merge_to_the_same_critical_values_in_any_order():
    rng = np.random.default_rng(4)
    theta, t = rng.random((1500, 2)), rng.chisquare(2, 1500)
    parts = [Draws(("a", "b"), theta[i::3], t[i::3]) for i in range(3)]
    one, other = learn(sum(parts)), learn(parts[2] + parts[0] + parts[1])
    assert (one.coefficients == other.coefficients).all()
    again = CriticalValues.from_dict(json.loads(json.dumps(one.as_dict())))
    assert (again(theta) == one(theta)).all()


def test_too_few_draws_for_a_level_are_refused():
    rng = np.random.default_rng(5)
    with pytest.raises(TooFewSimulations, match="at least 220"):
        learn(Draws(("a",), rng.random((200, 1)), rng.chisquare(1, 200)))


def audit(rng, coverage, n=2000):
    """An audit whose sets hold the truth with probability `coverage(theta)` at both levels' nominal ratio."""
    theta = rng.random((n, 2))
    return Audit.measure(
        ("a", "b"),
        theta,
        rng.random((n, 1)) < coverage(theta)[:, None] * np.ones(1),
        (0.9,),
        [0, 0],
        [1, 1],
    )


def test_an_audit_names_the_slice_where_coverage_fails_and_no_other():
    rng, trials = np.random.default_rng(6), 200
    alarms = sum(
        bool(audit(rng, lambda t: np.full(len(t), 0.9)).failing(0.05)) for _ in range(trials)
    )
    assert alarms <= allowed(trials, 0.05)
    bad = audit(rng, lambda t: np.where(t[:, 0] > 0.75, 0.7, 0.9)).failing(1e-3)
    print(bad)
    assert [(f["parameter"], f["from"]) for f in bad] == [("a", 0.75)]


def test_audits_merge_and_each_parameter_counts_every_experiment():
    rng = np.random.default_rng(7)
    parts = [audit(rng, lambda t: np.full(len(t), 0.9), 100) for _ in range(3)]
    whole = sum(parts)
    assert (whole.n.sum(axis=1) == 300).all()
    assert np.isclose(whole.coverage[0], np.mean([p.coverage[0] for p in parts]))
    assert whole.as_dict() == Audit.from_dict(whole.as_dict()).as_dict()


def test_simulated_tension_quantiles_keep_their_rate_and_agree_with_wilks_where_wilks_holds():
    """Three Gaussian modalities of one parameter: Q ~ chi^2 with 2 degrees of freedom."""
    rng = np.random.default_rng(8)
    hats = rng.standard_normal((4000, 3)) / np.sqrt([10, 20, 30])
    together = (
        -(
            np.array([10, 20, 30])
            * (hats - np.average(hats, axis=1, weights=[10, 20, 30])[:, None]) ** 2
        ).sum(axis=1)
        / 2
    )
    q = statistic(np.zeros((4000, 3)), together)
    law = sum(TensionLaw("all", q[i * 500 : (i + 1) * 500]) for i in range(4))
    p = np.array([law.p_value(v) for v in q[2000:]])
    assert within(int((p < 0.05).sum()), 2000, 0.05, 1e-4)
    low, high = law.interval(6.0)
    assert low < wilks(6.0, 2) < high
    assert np.isclose(law.quantile(0.68), stats.chi2.ppf(0.68, 2), rtol=0.1)
    assert law.p_value(1e9) == 1 / 2001


@pytest.mark.parametrize(("n", "p"), [(10, 0.02), (50, 0.683), (400, 0.954)])
def test_binomial_intervals_hold_the_true_fraction_at_least_as_often_as_they_say(n, p):
    k = np.arange(n + 1)
    low, high = binomial(k, n, 0.95)
    assert stats.binom.pmf(k, n, p)[(low <= p) & (p <= high)].sum() >= 0.95
    assert low[0] == 0 and high[-1] == 1
