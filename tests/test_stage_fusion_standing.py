"""What calibration says of a fusion: N against N*, local calibration, settings, and calibration.json itself."""

import json

import numpy as np
import pytest
import torch
from addend_toy.line import Toy
from repeated_lines import SPACE, bias_record, laboratory, normal_samples, terms

from addend import places
from addend.errors import BadSetting, BeyondTrust, TooFewSimulations
from addend.fusion.correction import correct
from addend.fusion.trust import standings
from addend.maximum import maximise
from addend.report.schema import validate_calibration
from addend.stages import calibrate_fusion as stage
from addend.stages import evaluate, gather, resolve
from addend.stages import fuse as fuse_stage
from addend.stages.calibrate_fusion import Budget, Known, calibration


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("n_star", "said", "allowed"), [(1000, 0, 0), (100, 1, 1), (6, BeyondTrust, 1)]
)
def test_n_is_held_against_the_trust_size(n_star, said, allowed):
    lab = laboratory()
    made = terms(lab, left=bias_record(n_star))
    if said is BeyondTrust:
        with pytest.raises(BeyondTrust, match="'left' is asked to sum 12 observations"):
            standings(made, {})
    else:
        assert len(standings(made, {})) == said
    assert len(standings(made, {"beyond_trust": "allow"})) == allowed
    assert standings(made, {"correction": "local"}) == []


def test_a_fusion_that_sums_beyond_its_trust_is_refused_before_anything_is_simulated(monkeypatch):
    monkeypatch.setattr(stage, "installed", lambda: pytest.fail("it went on"))
    lab = laboratory()
    with pytest.raises(BeyondTrust):
        calibration(
            "lines",
            terms(lab, right=bias_record(3)),
            lab.observed,
            Known(np.zeros((2, 3)), None),
            {},
        )


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


UNUSABLE = (
    {"correction": "global"},
    {"correction": {"local": "many"}},
    {"calibrate": {"teach": 0}},
    {"calibrate": {"taech": 9}},
)


@pytest.mark.parametrize("settings", [*UNUSABLE, {"beyond_trust": "yes"}])
def test_a_setting_that_means_nothing_is_named(settings):
    lab = laboratory()
    with pytest.raises(BadSetting):
        calibration("lines", terms(lab), lab.observed, Known(np.zeros((2, 3)), None), settings)


def test_a_modality_whose_package_is_missing_is_said_and_the_rest_is_there(monkeypatch):
    monkeypatch.setattr(stage, "installed", lambda: {"left": None})
    lab = laboratory()
    found = calibration("lines", terms(lab), lab.observed, Known(np.zeros((2, 3)), None), {})
    assert found["blocks"] == {}
    assert found["summary"]["warnings"] == [
        "No repetitions were possible: no installed package simulates right."
    ]
    assert found["summary"]["parameters"]["a"]["sandwich_std"] > 0


def test_the_whole_is_json_follows_the_schema_and_repeats_to_the_byte(monkeypatch):
    lab = laboratory()
    monkeypatch.setattr(stage, "installed", lambda: lab.simulators)
    fit = maximise(lab.scalar)
    known = Known(normal_samples(lab, fit), 1.0)
    settings = {"calibrate": {"teach": 500, "audit": 60}}
    once, twice = (
        calibration("lines", terms(lab), lab.observed, known, settings) for _ in range(2)
    )
    assert json.dumps(once, allow_nan=False) == json.dumps(twice, allow_nan=False)
    validate_calibration(once["blocks"])
    assert set(once["blocks"]) == {"critical", "audit", "coverage", "pulls", "tension"}
    assert once["blocks"]["audit"]["trials"] == 60
    for p in SPACE.names:
        (a, b), (c, d) = (once["summary"]["parameters"][p][k] for k in ("neyman_68", "neyman_95"))
        assert c < a < fit.at()[SPACE.index([p])[0]] < b < d


def test_a_correction_is_recorded_in_the_result(monkeypatch):
    lab = laboratory(tilt=0.3)
    monkeypatch.setattr(stage, "installed", lambda: lab.simulators)
    known = Known(normal_samples(lab, maximise(lab.scalar)), 1.0)
    settings = {"correction": {"local": 30}, "calibrate": {"teach": 450, "audit": 20}}
    said = calibration("lines", terms(lab, left=bias_record(3)), lab.observed, known, settings)[
        "summary"
    ]
    how = "local calibration, 30 simulations an observation"
    assert said["modalities"]["left"]["correction"] == how and how in said["warnings"][0]
    a, hat = said["parameters"]["a"], float(maximise(lab.scalar).theta[0])
    assert a["theta_hat_uncorrected"] == hat and a["theta_hat"] < hat - a["corrected_std"] / 2


def test_one_modality_alone_has_no_tension(monkeypatch):
    lab = laboratory(names=("right",))
    monkeypatch.setattr(stage, "installed", lambda: lab.simulators)
    known = Known(normal_samples(lab, maximise(lab.scalar)), None)
    found = calibration(
        "lines", terms(lab), lab.observed, known, {"calibrate": {"teach": 400, "audit": 20}}
    )
    assert "tension" not in found["blocks"] and "tension" not in found["summary"]


def test_too_few_repetitions_teach_nothing(monkeypatch):
    lab = laboratory()
    monkeypatch.setattr(stage, "installed", lambda: lab.simulators)
    known = Known(normal_samples(lab, maximise(lab.scalar)), 1.0)
    with pytest.raises(TooFewSimulations, match="expected at least"):
        calibration(
            "lines", terms(lab), lab.observed, known, {"calibrate": {"teach": 30, "audit": 20}}
        )


@pytest.mark.slow
def test_the_stage_writes_what_the_report_reads(project, monkeypatch):
    monkeypatch.setattr(stage, "read_budget", lambda settings: Budget(400, 40))
    for step in (
        gather.gather,
        resolve.resolve,
        evaluate.evaluate,
        fuse_stage.fuse,
        stage.calibrate,
    ):
        step("alone")
    path = places.fusion("alone", "calibration") / "calibration.json"
    found, before = json.loads(path.read_text()), path.read_bytes()
    validate_calibration(found["blocks"])
    assert set(found["summary"]["parameters"]) == set(Toy.parameters)
    assert {"neyman_68", "neyman_95", "sandwich_std"} <= set(
        found["summary"]["parameters"]["toy.slope"]
    )
    stage.calibrate("alone")
    assert path.read_bytes() == before
