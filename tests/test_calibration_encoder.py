"""Normalisation, information and support: planted departures are measured at their size."""

import json

import numpy as np
import pytest
from calibration_oracles import allowed

from addend.calibration.information import (
    Mean,
    ScoreRegression,
    fisher_efficiency,
    kept_fisher,
    log_score,
)
from addend.calibration.normalisation import Normalisation
from addend.calibration.score import ScoreMoments
from addend.calibration.support import Outside, Support
from addend.errors import NotFinite, TooFewSimulations
from addend.numerics.students import student_around

GRID = np.linspace(-1, 1, 9)[:, None]


def gaussian(x, theta, tilt=0.0):
    """log N(x; theta, 1) + tilt theta for x `(G,)`, theta `(K, 1)`."""
    return -((x - theta) ** 2) / 2 - np.log(2 * np.pi) / 2 + tilt * theta


@pytest.mark.parametrize("tilt", [0.0, 0.1])
def test_quadrature_finds_a_tilted_normalisation_exactly(tilt):
    nodes, weights = np.linspace(-12, 12, 601), np.full(601, 0.04)
    psi = np.stack([gaussian(nodes, GRID, tilt)] * 2, axis=1)
    z = Normalisation.integrate(("theta",), GRID, psi, weights)
    assert np.allclose(z.log_z, tilt * GRID[:, 0], atol=1e-9)
    assert z.worst() == pytest.approx(tilt, abs=1e-7)
    basis, coefficients = z.table([-1], [1])
    assert np.allclose(basis.features(GRID) @ coefficients, tilt * GRID[:, 0], atol=1e-9)


def test_importance_finds_it_within_its_own_error_and_merges():
    rng = np.random.default_rng(1)
    z = rng.standard_normal((4000, 3)) @ np.diag([1.0, 2.0, 0.1]) + 5
    parts = []
    for _ in range(4):
        x, log_q = student_around(z, 5000, rng)
        r = (x[None] - 5 - 0.2 * GRID[:, None]) / [1.0, 2.0, 0.1]
        psi = -(r**2).sum(axis=2) / 2 - 1.5 * np.log(2 * np.pi) - np.log(0.2) + 0.1 * GRID
        parts.append(Normalisation.measure(("theta",), GRID, psi, log_q))
    whole = sum(parts)
    assert (np.abs(whole.log_z - 0.1 * GRID[:, 0]) < 4.5 * whole.error).all()
    assert whole.error.max() < 0.03
    assert whole.worst() > 0.1
    assert (whole.effective > 1000).all()
    again = Normalisation.from_dict(
        json.loads(json.dumps((parts[3] + parts[1] + parts[0] + parts[2]).as_dict()))
    )
    assert np.allclose(again.log_z, whole.log_z, rtol=1e-12)


def test_ratio_heads_are_normalised_against_their_reference_law():
    rng = np.random.default_rng(2)
    x = rng.standard_normal(20_000) * np.sqrt(2)
    ratio = gaussian(x, GRID) + x**2 / 4 + np.log(4 * np.pi) / 2
    z = Normalisation.measure(("theta",), GRID, ratio, 0.0)
    assert (np.abs(z.log_z) < 4.5 * z.error).all()


def test_mutual_information_of_gaussians_is_reached_from_below():
    """I = -log(1 - rho^2) / 2; with 500 contrasts the ceiling of log 501 is far."""
    rng, rho = np.random.default_rng(3), 0.9
    theta = rng.standard_normal(4000)
    x = rho * theta + np.sqrt(1 - rho**2) * rng.standard_normal(4000)
    psi = lambda t: -((x[:, None] - rho * t) ** 2) / 2 / (1 - rho**2) + 7 * x[:, None]  # noqa: E731
    values = log_score(psi(theta[:, None])[:, 0], psi(rng.standard_normal((4000, 500))))
    found, true = (
        sum(Mean.measure("log score", v) for v in np.split(values, 4)),
        -np.log(1 - rho**2) / 2,
    )
    print(f"I = {found.value:.3f} +- {found.error:.3f} nat, exact {true:.3f}")
    assert abs(found.value - true) < 4 * found.error + 0.01
    assert np.isclose(found.value, Mean.from_dict(found.as_dict()).value)


def test_fisher_efficiency_of_half_the_data_is_a_half():
    rng, n = np.random.default_rng(4), 40_000
    noise = rng.standard_normal((2, n, 1))
    hessian = np.full((n, 1, 1), -1.0)
    x = ScoreMoments.measure(("t",), [[0.0]], np.zeros(n, int), noise.sum(axis=0), 2 * hessian)
    z = ScoreMoments.measure(("t",), [[0.0]], np.zeros(n, int), noise[0], hessian)
    assert np.isclose(fisher_efficiency(z, x)[0][0], 0.5, atol=0.02)
    assert np.isclose(fisher_efficiency(x, x)[0][0], 1.0)


def test_the_score_regression_finds_what_z_forgets():
    """x of two parameters, location and log-scale: z = x keeps all, |x| the scale, sign(x) part of the location."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((2, 40_000, 1))
    score = np.concatenate([x, x**2 - 1], axis=2)
    kept = {}
    for name, f in {"x": lambda v: v, "|x|": np.abs, "sign": np.sign}.items():
        quarters = [
            [ScoreRegression.measure(f(x[i, j::4]), score[i, j::4]) for j in range(4)]
            for i in range(2)
        ]
        kept[name] = kept_fisher(sum(quarters[0]), sum(quarters[1]))
        print(name, kept[name])
    assert np.allclose(kept["x"], [1, 1], atol=1e-6)
    assert np.allclose(kept["|x|"], [0, 1], atol=0.01)
    assert np.allclose(kept["sign"], [0, 2 / np.pi], atol=0.02)


def test_simulated_observations_are_outside_at_the_stated_rate_and_strange_ones_always():
    rng = np.random.default_rng(6)

    def make(n):
        columns = [rng.uniform(0, 2, n), np.exp(rng.standard_normal(n)), np.full(n, 3.0)]
        return np.stack(columns, axis=1)

    support = Support.from_dict(
        json.loads(json.dumps(Support.measure(make(20_000), rng).as_dict()))
    )
    same = sum(Outside.measure("mock", support, make(5000), rate=0.01) for _ in range(4))
    print(f"{float(same.outside):.0f} of {float(same.n):.0f} outside at a rate of 1 %")
    assert 100 < same.outside < 320
    strange = np.array([[1.0, 200.0, 3.0], [9.0, 1.0, 3.0], [1.0, 1.0, 3.1]])
    assert support.outside(strange).all()
    assert (support.tail(strange) == 0.001).all()
    assert Outside.measure("real", support, strange).p_value < 1e-8
    assert not support.outside(np.array([[1.0, 1.0, 3.0]])).any()
    assert support.tail(np.array([[1.0, 1.0, 3.0]]))[0] >= 0.5


def test_a_clean_list_is_not_called_strange():
    rng, trials = np.random.default_rng(7), 200
    support = Support.measure(rng.standard_normal((20_000, 2)), rng)
    alarms = sum(
        Outside.measure("mock", support, rng.standard_normal((100, 2)), 0.01).p_value < 0.01
        for _ in range(trials)
    )
    assert alarms <= allowed(trials, 0.02)


def test_what_was_measured_on_too_little_is_said():
    rng = np.random.default_rng(8)
    with pytest.raises(TooFewSimulations):
        Support.measure(rng.standard_normal((600, 2)), rng)
    with pytest.raises(TooFewSimulations):
        Normalisation.measure(("theta",), GRID, np.zeros((9, 3)), 0.0).worst()
    with pytest.raises(TooFewSimulations):
        Mean.measure("log score", np.ones(1)).error  # noqa: B018
    with pytest.raises(NotFinite):
        Mean.measure("log score", np.array([1.0, np.nan]))
