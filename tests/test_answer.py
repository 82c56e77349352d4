"""The answer of a whole fusion: what is found is what is said, once, and every part of it speaks of one theta_hat."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from answered import STATED, answered, fitted_lines
from repeated_lines import laboratory, terms
from scipy.stats import chi2

from addend.fusion.calibrated import Plan, calibrated
from addend.fusion.methods import METHODS, TOGETHER, ErrorAudit
from addend.fusion.summary import as_dict, from_dict
from addend.fusion.verdict import verdict
from addend.report.summary import validate

AGREEMENT = "Do the kinds of data agree with each other?"
ERRORS = "Were the errors tried on simulated data with a known answer?"


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def honest():
    """psi = log p, mock data at a known truth."""
    return answered(laboratory(), truth=STATED)


def judged(answer, question):
    return next(c for c in verdict(answer).checks if c.question == question)


@pytest.mark.slow
def test_the_tension_that_is_judged_is_the_simulated_one():
    """psi = 16 log p: Q is sixteen times chi-square's, so that its textbook p-value means nothing."""
    found = answered(laboratory(sharp=16.0))
    q, simulated = found.tension.Q, np.array(found.calibration["tension"]["simulated"])
    p = (1 + (simulated >= q).sum()) / (1 + len(simulated))
    assert chi2.sf(q, 2) < 0.05 < p
    assert found.tension.p_value == pytest.approx(p)
    assert judged(found, AGREEMENT).level == "good"


def test_pull_and_closure_are_those_of_the_theta_hat_that_is_published():
    """A slope in every psi moves theta_hat away from the truth; local calibration brings it back."""
    plan = Plan(450, 60, search=1, local=100)
    found = answered(laboratory(tilt=0.6), plan, truth=STATED)
    a = found.parameters["a"]
    assert abs(a.theta_hat - a.theta_hat_uncorrected) > a.curvature_std
    for p, truth in STATED.items():
        block = found.parameters[p]
        assert block.pull == pytest.approx((block.theta_hat - truth) / block.corrected_std)
    off = np.array([found.parameters[p].theta_hat - truth for p, truth in STATED.items()])
    expected = off @ np.linalg.solve(np.array(found.covariance.corrected), off)
    assert found.closure["chi2"] == pytest.approx(expected)


def test_an_answer_is_read_back_as_it_was_written(honest):
    text = json.dumps(as_dict(honest), allow_nan=False)
    again = from_dict(json.loads(text))
    assert json.dumps(as_dict(again), allow_nan=False) == text
    assert verdict(again) == verdict(honest)
    assert again.closure == honest.closure and again.quote == honest.quote
    keys = ("packages", "seeds", "params", "encoders", "shards", "data")
    sources = {key: {} for key in keys}
    validate(as_dict(replace(honest, provenance={"commit": None, "date": None, **sources})))


def test_calibration_returns_another_answer_and_leaves_what_it_was_given():
    lab = laboratory(names=("right",))
    found = terms(lab)
    before, curves = fitted_lines(found)
    kept, samples = as_dict(before), curves.posterior["fused"].values
    after, _ = calibrated(before, found, lab.simulators, lab.observed, samples, Plan(400, 20))
    assert as_dict(before) == kept and not before.errors and after.errors
    with pytest.raises(AttributeError):
        after.fusion = "another"


def test_every_error_that_is_shown_has_been_tried(honest):
    assert set(honest.errors) == set(METHODS)
    for audit in honest.errors.values():
        assert audit.trials == 60 and set(audit.hits) == {*STATED, TOGETHER}


def test_of_an_honest_psi_the_calibrated_intervals_are_to_be_quoted(honest):
    """Five methods at a false-alarm rate of 1 % each: chance fails this once in twenty at most."""
    assert all(audit.passed for audit in honest.errors.values())
    assert honest.quote == "calibrated"
    assert judged(honest, ERRORS).level == "good"


def test_a_sandwich_that_covers_43_percent_where_68_is_claimed_is_no_yes(honest):
    """The verdict looks at every error that the report shows."""
    narrow = ErrorAudit((0.6827, 0.9545), 500, {TOGETHER: (215, 400), "a": (340, 476)})
    found = replace(honest, errors={**honest.errors, "sandwich": narrow})
    check = judged(found, ERRORS)
    assert check.level == "care" and judged(honest, ERRORS).level == "good"
    assert "sandwich (its 68 % region of all together held the truth in 43 %)" in check.sentence
    assert check.sentence.startswith("Quote the calibrated ones")


def test_where_every_error_fails_none_is_to_be_quoted(honest):
    narrow = ErrorAudit((0.6827, 0.9545), 500, {TOGETHER: (100, 200)})
    found = replace(honest, errors=dict.fromkeys(METHODS, narrow))
    assert found.quote is None
    check = judged(found, ERRORS)
    assert check.level == "bad" and check.sentence.startswith("Quote none")


def test_an_error_that_was_not_tried_is_said():
    lab = laboratory()
    found = answered(lab, simulators={"left": None})
    check = judged(found, ERRORS)
    assert check.level == "unknown" and found.errors == {} and found.quote is None


def test_an_overconfident_psi_fails_its_audits_and_its_calibrated_intervals_pass():
    """psi = 4 log p: textbook regions are half as wide as they should be."""
    found = answered(laboratory(sharp=4.0), Plan(900, 200))
    failed = {m for m, audit in found.errors.items() if not audit.passed}
    assert failed >= {"profile", "posterior", "curvature"}
    assert "calibrated" not in failed and found.quote == "calibrated"
    assert "profile" in judged(found, ERRORS).sentence


@pytest.mark.parametrize(
    ("n", "local", "standing"),
    [(5, None, "within"), (50, None, "marked"), (150, None, "beyond"), (150, 20, "corrected")],
)
def test_n_against_trust_is_judged_in_one_place(honest, n, local, standing):
    """N* = 100: modality, mark, check and summary all say what `standing` says."""
    left = honest.modalities["left"]
    correction = replace(left.correction, local=local)
    changed = replace(left, n=n, trust_size=100.0, correction=correction)
    found = replace(honest, modalities={"left": changed})
    assert found.modalities["left"].standing == standing
    assert as_dict(found)["modalities"]["left"]["standing"] == standing
    level = {"marked": "care", "beyond": "bad"}.get(standing, "good")
    ask = "Are the learned encoders accurate enough for this many observations?"
    assert judged(found, ask).level == level


def test_no_decision_depends_on_words(honest):
    """The same answer with every sentence and name in it replaced is judged the same."""
    tension = replace(honest.tension, note="local calibration")
    titled = {m: replace(a, title="local calibration") for m, a in honest.modalities.items()}
    found = replace(honest, tension=tension, modalities=titled)
    assert [c.level for c in verdict(found).checks] == [c.level for c in verdict(honest).checks]
