"""The gate: good encoders pass, and each kind of bad one is refused for its own reason."""

import json
from dataclasses import replace

import numpy as np
import pytest
from calibration_oracles import ORACLES

from addend.calibration.coverage import Coverage, credibility_from_weights
from addend.calibration.gate import judge
from addend.calibration.information import Mean, ScoreRegression, log_score
from addend.calibration.normalisation import Normalisation
from addend.calibration.ranks import Ranks, rank_from_weights
from addend.calibration.record import Record
from addend.calibration.score import ScoreMoments
from addend.calibration.support import Support
from addend.errors import BadSetting, NotMergeable

THRESHOLDS = {
    "trust": 10,
    "normalisation": 0.5,
    "coverage": 0.03,
    "curvature": 0.1,
    "information": 0.95,
}
EXPECTED, TOY = 20, ORACLES["gaussian"]


def record_of(sharpen=1.0, tilt=0.0, drift=0.0, seed=1, lossless=True, n=1500):
    """The record of psi = sharpen log p + tilt theta, the simulator being off by `drift`, for x ~ N(theta, 1)."""
    rng = np.random.default_rng(seed)
    cells = np.linspace(-2, 2, 10)[:, None]
    x, index = TOY.draw(cells[:, 0], 8000, rng).ravel() + drift, np.repeat(np.arange(10), 8000)
    g = sharpen * (x - cells[index, 0]) + tilt
    theta, points = rng.uniform(-2, 2, (n, 1)), rng.uniform(-2, 2, (n, 400))
    parts = {
        "score": ScoreMoments.measure(
            ("theta",), cells, index, g[:, None], np.full((len(g), 1, 1), -sharpen)
        ),
        "normalisation": normalisation(cells, sharpen, tilt),
    }
    for key, size in (("1", 1), ("N", EXPECTED)):
        mean = TOY.draw(theta[:, 0], size, rng).mean(axis=1) + drift
        weights, own = (
            size * (-sharpen * (mean[:, None] - t) ** 2 / 2 + tilt * t) for t in (points, theta)
        )
        own = own[:, 0]
        parts[f"coverage_{key}"] = Coverage.measure(
            ("joint",), credibility_from_weights(weights, weights, own, own, rng)
        )
        parts[f"ranks_{key}"] = Ranks.measure(
            ("theta",), rank_from_weights(points[:, :, None], weights, theta, own, rng)
        )
    parts["log_score"] = Mean.measure("log score", log_score(own, weights[:, :50]))
    return Record("toy", ("theta",), EXPECTED, lossless, parts)


def normalisation(cells, sharpen, tilt):
    nodes = np.linspace(-12, 12, 301)
    psi = -sharpen * (nodes - cells) ** 2 / 2 + np.log(sharpen / 2 / np.pi) / 2 + tilt * cells
    return Normalisation.integrate(("theta",), cells, psi[:, None, :], np.full(301, 0.08))


def reasons(record, thresholds=THRESHOLDS):
    verdict = judge(record, thresholds)
    print(verdict.reason)
    return {c.name for c in verdict.checks if not c.passed}


def test_an_exact_encoder_passes():
    assert reasons(record_of()) == set()


def test_an_overconfident_encoder_is_refused_for_it():
    verdict = judge(record_of(sharpen=2.0), THRESHOLDS)
    print(verdict.reason)
    assert not verdict.passed
    assert "overconfident" in verdict.reason
    assert {"coverage", "curvature"} <= reasons(record_of(sharpen=2.0))


def test_an_underconfident_encoder_is_refused_for_it():
    assert {"coverage", "curvature"} <= reasons(record_of(sharpen=0.5))


def test_an_encoder_trained_on_the_wrong_prior_is_refused():
    """Classes under different theta laws add log pi_1/pi_0 to psi, here 0.2 theta, N times over."""
    assert {"trust", "normalisation"} <= reasons(record_of(tilt=0.2))


def test_an_encoder_whose_simulator_drifted_is_refused():
    assert "trust" in reasons(record_of(drift=0.2))


def test_what_a_threshold_names_must_have_been_measured():
    bare = Record("toy", ("theta",), EXPECTED, False)
    assert reasons(bare) == set(THRESHOLDS)
    few = Record(
        "toy",
        ("theta",),
        EXPECTED,
        True,
        {"coverage_1": Coverage.measure(("joint",), np.linspace(0, 1, 20))},
    )
    assert reasons(few, {"coverage": 0.03}) == {"coverage"}


def test_a_lossy_backbone_must_keep_its_information():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, 5000, 1))
    for f, refused in ((lambda v: v, set()), (np.sign, {"information"})):
        parts = {
            k: ScoreRegression.measure(f(v), v)
            for k, v in zip(("kept_fit", "kept_audit"), x, strict=True)
        }
        assert (
            reasons(Record("toy", ("theta",), EXPECTED, False, parts), {"information": 0.95})
            == refused
        )


@pytest.mark.parametrize(("gain", "passed"), [(0.1, True), (0.0, True), (-0.1, False)])
def test_a_candidate_worse_than_the_champion_is_refused(gain, passed):
    values = np.tile([-1.0, 1.0], 5000) + gain
    verdict = judge(record_of(), {}, Mean.measure("log score", values), "toy version 3")
    assert verdict.passed == passed
    assert "toy version 3" in verdict.checks[-1].sentence


def test_a_verdict_is_plain_json():
    """Not numpy's: whoever writes it needs no encoder of his own, and `is True` means what it says."""
    difference = Mean.measure("log score", np.tile([-1.0, 1.0], 5000))
    for record in (record_of(), record_of(sharpen=2.0, tilt=0.2)):
        said = judge(record, THRESHOLDS, difference).as_dict()
        assert json.loads(json.dumps(said)) == said and len(said["checks"]) == 6


def test_unknown_thresholds_are_named():
    for bad in ({"trusts": 10}, {"trust": "ten"}, {"trust": True}):
        with pytest.raises(BadSetting, match="trust"):
            judge(record_of(), bad)


def test_records_merge_travel_as_json_and_conclude_the_same():
    one, two = record_of(seed=4), record_of(seed=5)
    support = Support.measure(
        np.random.default_rng(6).standard_normal((4000, 2)), np.random.default_rng(7)
    )
    merged = replace(sum([one, two]), support=support)
    again = Record.from_dict(json.loads(json.dumps(merged.as_dict(), allow_nan=False)))
    assert json.dumps(again.summary(), allow_nan=False) == json.dumps(merged.summary())
    assert judge(again, THRESHOLDS).as_dict() == judge(two + one, THRESHOLDS).as_dict()
    assert float(merged.parts["coverage_1"].n) == 3000
    with pytest.raises(NotMergeable):
        one + record_of(lossless=False)
    for pair in ((merged, one), (one, merged)):
        with pytest.raises(NotMergeable, match="takes no other"):
            sum(pair)
