"""Corrections that change psi: what centring and weights do to S, who sees it, and what a fusion may ask for."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from addend_toy.line import Toy
from repeated_lines import (
    SPACE,
    SPACES,
    TRUTH,
    Encoder,
    bias_record,
    laboratory,
    normal_samples,
    terms,
)

from addend import places
from addend.calibration import Centring, Record, ScoreMoments
from addend.calibration.local import LEAST
from addend.encoder import Encoder as Trained
from addend.errors import BadSetting, BeyondTrust
from addend.fusion import terms as terms_of
from addend.fusion.correction import Correction, chosen, correct
from addend.fusion.experiments import Laboratory
from addend.fusion.repetitions import numbered, variability
from addend.fusion.trust import standings, trust_of
from addend.fusion.weights import Adjusted, adjusted, described, godambe_factors
from addend.maximum import maximise
from addend.scalar import Lazy, Sum, constraints
from addend.settings import require_fusion
from addend.stages import calibrate_fusion, evaluate, gather, resolve
from addend.stages import fuse as fuse_stage
from addend.stages import report as report_stage
from addend.stages.calibrate_fusion import Budget, Known, calibration, repeat

TILT = 0.3


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def slope(names, tilt=TILT, reach=30.0) -> Centring:
    """B = tilt times the first parameter, whose support is +-reach."""
    first = [tilt * reach * (k == len(names) - 1) for k in range(len(names))]
    return Centring(tuple(names), (-reach,) * len(names), (reach,) * len(names), 1, tuple(first))


def with_encoders(lab: Laboratory, encoders: dict) -> Laboratory:
    """The same observations, seen by others."""
    parts = [Lazy(encoders[m], lab.observed[m]) for m in encoders]
    return replace(lab, scalar=Sum([*parts, *constraints(lab.space)], lab.space), encoders=encoders)


def centred_lines() -> Laboratory:
    """Lines whose psi has a slope in a, and the same taken off again."""
    lab = laboratory(tilt=TILT)
    return with_encoders(
        lab, {m: Adjusted(e, slope(e.space.names), 1.0) for m, e in lab.encoders.items()}
    )


def same(ours, theirs) -> bool:
    return all(
        torch.allclose(a, b, rtol=1e-9, atol=1e-9) for a, b in zip(ours, theirs, strict=True)
    )


def test_centring_takes_off_a_planted_slope_and_nothing_else():
    theta = torch.from_numpy(SPACE.draw(5, np.random.default_rng(1)))
    ours, biased, exact = (
        lab.scalar for lab in (centred_lines(), laboratory(tilt=TILT), laboratory())
    )
    assert same(ours.jet(theta), exact.jet(theta))
    assert torch.allclose(biased(theta) - ours(theta), 24 * TILT * theta[:, 0])
    assert torch.allclose(maximise(ours).theta, maximise(exact).theta, atol=1e-6)
    assert float(maximise(biased).theta[0] - maximise(exact).theta[0]) > TILT / 2


def test_repetitions_are_centred_as_the_real_data_are():
    theta = np.tile(TRUTH, (4, 1))
    ours, exact = (
        lab.repeat(theta, np.random.default_rng(2)) for lab in (centred_lines(), laboratory())
    )
    at = numbered(torch.from_numpy(theta + 0.1))
    assert same(ours.jet(at), exact.jet(at))
    assert np.allclose(variability(ours, at), variability(exact, at))
    fits = [maximise(lab.scalar) for lab in (centred_lines(), laboratory())]
    hats = [
        repeat(lab, f, theta, [3], full=False)
        for lab, f in zip((centred_lines(), laboratory()), fits, strict=True)
    ]
    assert np.allclose(hats[0].repetitions.theta_hat, hats[1].repetitions.theta_hat, atol=1e-5)
    assert np.allclose(hats[0].repetitions.single, hats[1].repetitions.single, atol=1e-6)


def test_local_calibration_of_a_centred_sum_is_that_of_the_exact_one():
    found = [
        correct(lab, maximise(lab.scalar), 20, seed=2) for lab in (centred_lines(), laboratory())
    ]
    assert np.allclose(found[0].theta, found[1].theta, atol=1e-5)
    assert np.allclose(found[0].covariance, found[1].covariance, rtol=1e-5)


def own_moments(lab: Laboratory, name: str) -> dict:
    """The record of an encoder whose H and J of an observation are sharp and sharp^2 times this fusion's information."""
    names, n = SPACES[name].names, 10**6
    information = (
        -laboratory().scalar.terms[name].jet(torch.zeros(1, len(names)).double()).hessian[0].numpy()
        / lab.n[name]
    )
    sharp, flat = lab.encoders[name].sharp, np.zeros((1, len(names)))
    moments = ScoreMoments(
        names,
        flat,
        [n],
        flat,
        (n - 1) * sharp**2 * information[None],
        -n * sharp * information[None],
    )
    return Record(name, names, 12, True, {"score": moments}).as_dict()


def test_godambe_weights_undo_the_overconfidence_of_one_modality():
    """psi = 4 log p on the left: with the weight 1/4 there, beside 1 for the right and the constraint, S is log p again."""
    lab, exact = laboratory(), maximise(laboratory().scalar)
    lab = with_encoders(lab, {"left": Encoder("left", sharp=4.0), "right": Encoder("right")})
    encoders = {m: replace(e, record=own_moments(lab, m)) for m, e in lab.encoders.items()}
    factors = godambe_factors(lab.scalar, encoders, lab.n, seed=0)
    print(factors)
    assert np.allclose([factors["left"], factors["right"]], [0.25, 1.0], rtol=5e-3)
    fit = maximise(
        with_encoders(
            lab, {m: adjusted(e, {"factor": factors[m]}) for m, e in encoders.items()}
        ).scalar
    )
    assert torch.allclose(fit.theta, exact.theta, atol=0.02 * float(exact.std.min()))
    assert (maximise(lab.scalar).theta - exact.theta).abs().max() > 0.1 * float(exact.std.min())


def test_weights_that_nothing_was_measured_for_are_refused():
    lab = laboratory()
    with pytest.raises(BadSetting, match="record of 'left' has no moments"):
        godambe_factors(lab.scalar, lab.encoders, lab.n, seed=0)


def test_a_term_of_which_nothing_is_said_keeps_its_encoder():
    encoder = Encoder("left", record=bias_record(9, SPACE.names))
    assert adjusted(encoder, {"n": 3, "centred": False}) is encoder
    assert described({"centred": False}) is None
    assert described({"centred": True, "factor": 0.25}) == "centring; Godambe weight 0.25"


def test_a_centred_psi_is_held_against_the_trust_size_it_has_left():
    record = bias_record(6, SPACE.names) | {"centring": slope(SPACE.names, 6**-0.5).as_dict()}
    made = terms(laboratory(), left=record)
    with pytest.raises(BeyondTrust):
        standings(made, {})
    made.facts["left"]["centred"] = True
    assert standings(made, {"correction": {"centring": True}}) == []
    assert trust_of(made, "left") > 10_000


def test_what_was_used_is_recorded_in_the_result(monkeypatch):
    lab = centred_lines()
    monkeypatch.setattr(calibrate_fusion, "installed", lambda: lab.simulators)
    made = replace(terms(laboratory()), scalar=lab.scalar, encoders=lab.encoders)
    made.facts["left"] |= {"centred": True, "factor": 0.5}
    made.facts["right"] |= {"centred": False, "factor": 1.0}
    known = Known(normal_samples(lab, maximise(lab.scalar)), 1.0)
    settings = {
        "correction": {"centring": True, "weights": "godambe", "local": 20},
        "calibrate": {"teach": 450, "audit": 20},
    }
    said = calibration("lines", made, lab.observed, known, settings)["summary"]
    found = {m: b["correction"] for m, b in said["modalities"].items()}
    local = "local calibration, 20 simulations an observation"
    assert found == {
        "left": f"{local}; centring; Godambe weight 0.5",
        "right": f"{local}; Godambe weight 1",
    }
    assert said["warnings"][0].startswith("S is a weighted sum (left 0.5, right 1)")


def stated(monkeypatch, project, correction, record) -> str:
    """A fusion of the toy alone with a correction, gathered and resolved, its encoder with a record."""
    settings = {"modalities": {"toy": {"set": "line"}}} | (
        {"correction": correction} if correction else {}
    )
    monkeypatch.setattr(places, "fusion_settings", lambda name: settings)
    load = Trained.load
    monkeypatch.setattr(Trained, "load", lambda folder: replace(load(folder), record=record))
    gather.gather("corrected")
    resolve.resolve("corrected")
    return "corrected"


def toy_record(tilt=0.05) -> dict:
    reach = float(Trained.load(places.encoder("toy", "head")).space.high[0])
    return bias_record(tilt**-2, Toy.parameters) | {
        "centring": slope(Toy.parameters, tilt, reach).as_dict()
    }


@pytest.mark.slow
def test_every_stage_of_a_fusion_reads_the_corrected_sum(project, monkeypatch):
    record = toy_record()
    name = stated(monkeypatch, project, None, record)
    evaluate.evaluate(name)
    before = terms_of.read_terms(name).scalar
    stated(monkeypatch, project, {"centring": True, "weights": "godambe"}, record)
    monkeypatch.setattr(calibrate_fusion, "read_budget", lambda settings: Budget(400, 40))
    for step in (evaluate.evaluate, fuse_stage.fuse, calibrate_fusion.calibrate):
        step(name)
    made = terms_of.read_terms(name)
    theta = torch.zeros(2, 2).double() + torch.tensor([[0.5], [-0.2]]).double()
    assert torch.allclose(before(theta) - made.scalar(theta), 0.05 * before.n * theta[:, 0])
    fit, found = (
        json.loads((places.fusion(name, s) / f"{s}.json").read_text())
        for s in ("fit", "calibration")
    )
    assert fit["value"] == pytest.approx(maximise(made.scalar).value)
    summary = report_stage.summarise(name, made, fit, found)
    assert summary["modalities"]["toy"]["correction"] == "centring; Godambe weight 1"
    assert summary["modalities"]["toy"]["trust_size"] > 400


def test_a_record_without_a_centring_leaves_every_byte_of_the_terms_but_says_so(
    project, monkeypatch
):
    record = bias_record(400, Toy.parameters)
    facts = []
    for correction in (None, {"centring": True}):
        name = stated(monkeypatch, project, correction, record)
        evaluate.evaluate(name)
        facts.append(json.loads((places.fusion(name, "terms") / terms_of.TERMS).read_text()))
        assert type(terms_of.read_terms(name).encoders["toy"]) is Trained
    assert (
        facts[1]["toy"] == facts[0]["toy"] | {"centred": False} and "centred" not in facts[0]["toy"]
    )


UNUSABLE = {
    "another word": "global",
    "a list": ["local"],
    "an unknown key": {"centering": True},
    "text for a number": {"local": "many"},
    "a flag for a number": {"local": True},
    "too few simulations": {"local": LEAST - 1},
    "a number for a flag": {"centring": 1},
    "weights of another name": {"weights": "equal"},
    "a number for weights": {"weights": 1.0},
    "one good and one bad": {"local": 20, "weights": True},
}


@pytest.mark.parametrize("mistake", UNUSABLE)
def test_a_correction_that_means_nothing_is_refused_before_anything_runs(mistake):
    with pytest.raises(BadSetting, match=r"correction of fusion 'f' of params\.yaml"):
        require_fusion(
            "f", {"modalities": {"toy": {"set": "line"}}, "correction": UNUSABLE[mistake]}
        )


def test_corrections_combine_and_are_off_unless_asked_for():
    every = {"local": LEAST, "centring": True, "weights": "godambe"}
    require_fusion("f", {"modalities": {"toy": {"set": "line"}}, "correction": every})
    assert chosen({"correction": every}) == Correction(LEAST, True, "godambe")
    assert (
        chosen({})
        == chosen({"correction": None})
        == chosen({"correction": {"centring": False}})
        == Correction()
    )
    assert chosen({"correction": "local"}) == Correction(20)
