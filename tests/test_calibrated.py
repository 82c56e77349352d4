"""What calibration says of a fusion: N against N*, local calibration, what it leaves for the report."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from addend_toy.line import Toy
from answered import answered, fitted_lines
from repeated_lines import SPACE, bias_record, laboratory, terms

from addend import answers, places, settings
from addend.errors import BeyondTrust, TooFewSimulations
from addend.fusion.calibrated import Plan, calibrated
from addend.fusion.correction import correct
from addend.fusion.summary import as_dict
from addend.fusion.trust import require_possible, require_trusted
from addend.fusion.verdict import verdict
from addend.maximum import maximise
from addend.report.schema import validate_calibration
from addend.settings import FusionCalibration
from addend.stages import calibrate_fusion, evaluate, fuse, gather, resolve


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def test_n_beyond_the_trust_size_is_refused_unless_allowed_or_corrected():
    found, good = (terms(laboratory(), left=bias_record(n)) for n in (6, 100))
    fit = maximise(found.scalar)
    for require in (partial(require_trusted, fit=fit), require_possible):
        with pytest.raises(BeyondTrust, match="'left' is asked to sum 12 observations"):
            require(found, allow=False, local=False)
        require(found, allow=True, local=False)
        require(found, allow=False, local=True)
        require(good, allow=False, local=False)


def test_a_fusion_that_sums_beyond_its_trust_is_refused_before_anything_is_simulated():
    lab = laboratory()
    found = terms(lab, right=bias_record(3))
    with pytest.raises(BeyondTrust, match="at theta_hat"):
        fitted_lines(found)
    answer = fitted_lines(found, allow=True)[0]
    nobody = {m: None for m in lab.simulators}
    with pytest.raises(BeyondTrust):
        calibrated(answer, found, nobody, lab.observed, np.zeros((2, 3)), Plan())


def test_what_evaluate_said_of_the_observations_is_said_by_the_answer():
    found = terms(laboratory())
    facts = {**found.facts, "left": replace(found.facts["left"], warnings=("z = 3 is far.",))}
    answer = fitted_lines(replace(found, facts=facts))[0]
    assert answer.warnings == ("z = 3 is far.",)
    assert any("z = 3" in check.sentence for check in verdict(answer).checks)


def test_the_answer_states_n_star_at_theta_hat_with_its_bounds_and_range():
    left = fitted_lines(terms(laboratory(), left=bias_record(100)))[0].modalities["left"]
    assert left.trust_size == pytest.approx(100, rel=0.01) and left.standing == "marked"
    assert left.trust_low < left.trust_size < left.trust_high
    assert left.trust_range == pytest.approx((100, 100), rel=0.01)


def test_local_calibration_undoes_a_planted_bias():
    """The shift is known in closed form; 400 simulations an observation leave 5 % of an error, four times which is allowed."""
    lab = laboratory(tilt=0.3)
    fit, right = maximise(lab.scalar), maximise(laboratory().scalar)
    found = correct(lab, fit, 400, seed=2)
    off = (found.theta - right.theta.numpy()) / right.std.numpy()
    print("before", ((fit.theta - right.theta) / right.std).numpy().round(3), "after", off.round(3))
    assert abs(float((fit.theta[0] - right.theta[0]) / right.std[0])) > 0.5
    assert np.abs(off).max() < 0.2
    assert np.allclose(np.sqrt(np.diagonal(found.covariance)), right.std.numpy(), rtol=0.25)


def test_too_few_simulations_for_local_calibration_are_refused():
    lab = laboratory()
    with pytest.raises(TooFewSimulations, match="at least 60"):
        correct(lab, maximise(lab.scalar), 4, seed=2)


def test_a_modality_whose_package_is_missing_is_said_and_the_rest_is_there():
    found = answered(laboratory(), simulators={"left": None})
    assert found.calibration == {}
    assert found.warnings == (
        "No repetitions were possible: no installed package simulates right.",
    )
    assert found.parameters["a"].sandwich_std > 0


@pytest.mark.slow
def test_the_whole_is_json_follows_the_schema_and_repeats_to_the_byte():
    lab = laboratory()
    once, twice = (answered(lab, Plan(500, 60)) for _ in range(2))
    assert json.dumps(as_dict(once), allow_nan=False) == json.dumps(as_dict(twice))
    blocks = once.calibration
    validate_calibration(blocks)
    assert set(blocks) == {"critical", "audit", "coverage", "pulls", "tension"}
    assert blocks["audit"]["trials"] == 60
    for d, p in enumerate(SPACE.names):
        (a, b), (c, e) = once.parameters[p].calibrated_68, once.parameters[p].calibrated_95
        assert c < a < maximise(lab.scalar).theta[d] < b < e


def test_a_correction_is_recorded_in_the_result():
    lab = laboratory(tilt=0.3)
    plan = Plan(450, 20, local=30)
    said = answered(lab, plan, terms(lab, left=bias_record(3)))
    left = said.modalities["left"]
    assert (left.correction.local, left.standing) == (30, "corrected")
    assert str(left.correction) == "local calibration, 30 simulations an observation"
    a, hat = said.parameters["a"], float(maximise(lab.scalar).theta[0])
    assert a.theta_hat_uncorrected == hat and a.theta_hat < hat - a.corrected_std / 2


def test_one_modality_alone_has_no_tension():
    found = answered(laboratory(names=("right",)), Plan(400, 20))
    assert "tension" not in found.calibration and found.tension is None


def test_too_few_repetitions_teach_nothing():
    with pytest.raises(TooFewSimulations, match="expected at least"):
        answered(laboratory(), Plan(30, 20))


@pytest.mark.slow
def test_the_stage_writes_what_the_report_reads(project, monkeypatch):
    asked = settings.fusion(places.ROOT, "alone")
    small = FusionCalibration(teach=400, audit=40)
    asked = replace(asked, calibrate=small)
    monkeypatch.setattr(settings, "fusion", lambda root, name: asked)
    for step in (gather.gather, resolve.resolve, evaluate.evaluate, fuse.fuse):
        step("alone")
    calibrate_fusion.calibrate_fusion("alone")
    path = places.fusion("alone", "calibration") / answers.ANSWER
    found, before = answers.read_answer(path), path.read_bytes()
    validate_calibration(found.calibration)
    assert set(found.parameters) == set(Toy.parameters)
    slope = found.parameters["toy.slope"]
    assert slope.calibrated_68 and slope.calibrated_95 and slope.sandwich_std
    calibrate_fusion.calibrate_fusion("alone")
    assert path.read_bytes() == before
