"""Corrections that change S: what centring and weights do to it, who sees it, and what a fusion may ask for."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from addend_toy.line import Toy
from answered import answered
from folders import tree
from repeated_lines import SPACE, SPACES, TRUTH, Encoder, bias_record, laboratory, terms

from addend import answers, evaluated, places, settings
from addend.calibration import Centring, Record, ScoreMoments
from addend.encoder import Encoder as Trained
from addend.errors import BadSetting, BeyondTrust
from addend.fusion.answer import Correction
from addend.fusion.calibrated import Plan, repeated
from addend.fusion.correction import correct
from addend.fusion.experiments import Laboratory
from addend.fusion.repetitions import variability
from addend.fusion.terms import add, term
from addend.fusion.trust import require_trusted, trust_of
from addend.fusion.weights import godambe_factors
from addend.maximum import maximise
from addend.scalar import Lazy, Scaled
from addend.settings import FusionCalibration, FusionSettings
from addend.stages import calibrate_fusion, evaluate, fuse, gather, resolve

TILT = 0.3
CENTRED = Correction(centred=True)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def slope(names, tilt=TILT, reach=30.0) -> Centring:
    """B = tilt times the first parameter, whose support is +-reach."""
    first = [tilt * reach * (k == len(names) - 1) for k in range(len(names))]
    return Centring(tuple(names), (-reach,) * len(names), (reach,) * len(names), 1, tuple(first))


def changed(lab: Laboratory, records: dict, corrections: dict) -> Laboratory:
    """The same fusion, its terms corrected."""
    lazy = {m: Lazy(lab.psi[m], lab.observed[m]) for m in lab.psi}
    parts = [term(lazy[m], records.get(m), corrections[m]) for m in lab.psi]
    return replace(lab, scalar=add(parts, lab.space))


def centred_lines() -> Laboratory:
    """Lines whose psi has a slope in a, and the same taken off again."""
    lab = laboratory(tilt=TILT)
    records = {
        m: replace(bias_record(10, psi.space.names), centring=slope(psi.space.names))
        for m, psi in lab.psi.items()
    }
    return changed(lab, records, dict.fromkeys(lab.psi, CENTRED))


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
    at = torch.from_numpy(theta + 0.1)
    assert same(ours.jet(at), exact.jet(at))
    assert np.allclose(variability(ours, at), variability(exact, at))
    fits = [maximise(lab.scalar) for lab in (centred_lines(), laboratory())]
    hats = [
        repeated(lab, f, theta, [3])
        for lab, f in zip((centred_lines(), laboratory()), fits, strict=True)
    ]
    assert np.allclose(hats[0].theta_hat, hats[1].theta_hat, atol=1e-5)
    assert np.allclose(hats[0].single, hats[1].single, atol=1e-6)


def test_local_calibration_of_a_centred_sum_is_that_of_the_exact_one():
    found = [
        correct(lab, maximise(lab.scalar), 20, seed=2) for lab in (centred_lines(), laboratory())
    ]
    assert np.allclose(found[0].theta, found[1].theta, atol=1e-5)
    assert np.allclose(found[0].covariance, found[1].covariance, rtol=1e-5)


def test_a_term_is_the_weight_times_what_is_left_of_psi():
    """w (s - n B), in value, observations, score and variability; the variance of a score is blind to its mean."""
    lab = laboratory(names=("right",))
    lazy, B = Lazy(lab.psi["right"], lab.observed["right"]), slope(("a", "b"))
    ours = Scaled(lazy, 0.25, B)
    theta = torch.tensor([[0.3, -0.2], [1.0, 2.0]], dtype=torch.float64)
    assert torch.allclose(ours(theta), 0.25 * (lazy(theta) - 12 * B(theta)))
    each = 0.25 * (lazy.observations(theta) - B(theta)[:, None])
    assert torch.allclose(ours.observations(theta), each)
    push = torch.tensor([TILT, 0.0], dtype=torch.float64)
    assert torch.allclose(ours.scores(theta[0]), 0.25 * (lazy.scores(theta[0]) - push))
    assert np.allclose(ours.variability(theta[0]), lazy.variability(theta[0]) / 16)


def own_moments(lab: Laboratory, name: str) -> Record:
    """The record of an encoder whose H and J of an observation are sharp and sharp^2 times this fusion's information."""
    names, n = SPACES[name].names, 10**6
    at = torch.zeros(1, len(names)).double()
    information = -laboratory().scalar.terms[name].jet(at).hessian[0].numpy() / lab.n[name]
    sharp, flat = lab.psi[name].sharp, np.zeros((1, len(names)))
    outer, hessian = (n - 1) * sharp**2 * information[None], -n * sharp * information[None]
    moments = ScoreMoments(names, flat, [n], flat, outer, hessian)
    return Record(name, names, 12, True, {"score": moments})


def test_godambe_weights_undo_the_overconfidence_of_one_modality():
    """psi = 4 log p on the left: with the weight 1/4 there, beside 1 for the right and the constraint, S is log p again."""
    exact = laboratory()
    psi = {"left": Encoder("left", sharp=4.0), "right": Encoder("right")}
    lab = changed(replace(exact, psi=psi), {}, dict.fromkeys(psi, Correction()))
    records = {m: own_moments(lab, m) for m in psi}
    factors = godambe_factors(terms(lab, **records), seed=0)
    print(factors)
    assert np.allclose([factors["left"], factors["right"]], [0.25, 1.0], rtol=5e-3)
    weighted = changed(lab, records, {m: Correction(weight=w) for m, w in factors.items()})
    fit, right = maximise(weighted.scalar), maximise(exact.scalar)
    assert torch.allclose(fit.theta, right.theta, atol=0.02 * float(right.std.min()))
    assert (maximise(lab.scalar).theta - right.theta).abs().max() > 0.1 * float(right.std.min())


def test_weights_that_nothing_was_measured_for_are_refused():
    with pytest.raises(BadSetting, match="record of 'left' has no moments"):
        godambe_factors(terms(laboratory()), seed=0)


def test_a_term_of_which_nothing_is_said_is_left_alone():
    lab = laboratory()
    lazy = Lazy(lab.psi["left"], lab.observed["left"])
    assert term(lazy, bias_record(9, SPACE.names), Correction(centred=False)) is lazy
    assert str(Correction(centred=False)) == ""
    assert str(Correction(centred=True, weight=0.25)) == "centring; Godambe weight 0.25"


def test_a_centred_psi_is_held_against_the_trust_size_it_has_left():
    record = replace(bias_record(6, SPACE.names), centring=slope(SPACE.names, 6**-0.5))
    made = terms(laboratory(), left=record)
    fit = maximise(made.scalar)
    with pytest.raises(BeyondTrust):
        require_trusted(made, fit, allow=False, local=False)
    facts = {**made.facts, "left": replace(made.facts["left"], correction=CENTRED)}
    require_trusted(replace(made, facts=facts), fit, allow=False, local=False)
    assert trust_of(record, SPACE, fit, CENTRED).value > 10_000


def test_what_was_used_is_recorded_in_the_result():
    lab = centred_lines()
    used = {"left": Correction(centred=True, weight=0.5), "right": Correction(None, False, 1.0)}
    made = terms(lab)
    facts = {m: replace(made.facts[m], correction=c) for m, c in used.items()}
    said = answered(lab, Plan(450, 20, local=20), replace(made, facts=facts))
    found = {m: str(a.correction) for m, a in said.modalities.items()}
    local = "local calibration, 20 simulations an observation"
    assert found == {
        "left": f"{local}; centring; Godambe weight 0.5",
        "right": f"{local}; Godambe weight 1",
    }
    assert said.warnings[0].startswith("S is a weighted sum (left 0.5, right 1)")


def stated(monkeypatch, correction, record: Record) -> str:
    """A fusion of the toy alone with a correction, gathered and resolved, its encoder with a record."""
    found = {"modalities": {"toy": {"set": "line"}}}
    found |= {"correction": correction} if correction else {}
    asked = FusionSettings.from_dict("corrected", found)
    asked = replace(asked, calibrate=FusionCalibration(400, 40))
    monkeypatch.setattr(settings, "fusion", lambda root, name: asked)
    load = Trained.load
    plain = replace(record, name="toy").as_dict()
    monkeypatch.setattr(Trained, "load", lambda folder: replace(load(folder), record=plain))
    gather.gather("corrected")
    resolve.resolve("corrected")
    return "corrected"


def toy_record(tilt=0.05) -> Record:
    reach = float(Trained.load(places.encoder("toy", "head")).space.high[0])
    record = bias_record(tilt**-2, Toy.parameters)
    return replace(record, centring=slope(Toy.parameters, tilt, reach))


@pytest.mark.slow
def test_every_stage_of_a_fusion_reads_the_corrected_sum(project, monkeypatch):
    record = toy_record()
    name = stated(monkeypatch, None, record)
    evaluate.evaluate(name)
    before = evaluated.read_terms(name).scalar
    stated(monkeypatch, {"centring": True, "weights": "godambe"}, record)
    for step in (evaluate.evaluate, fuse.fuse, calibrate_fusion.calibrate_fusion):
        step(name)
    made = evaluated.read_terms(name)
    theta = torch.zeros(2, 2).double() + torch.tensor([[0.5], [-0.2]]).double()
    taken = 0.05 * before.n * theta[:, 0]
    assert torch.allclose(before(theta) - made.scalar(theta), taken)
    answer = answers.read_answer(places.fusion(name, "calibration") / answers.ANSWER)
    hat = maximise(made.scalar).theta.tolist()
    assert [p.theta_hat for p in answer.parameters.values()] == pytest.approx(hat)
    toy = answer.modalities["toy"]
    assert str(toy.correction) == "centring; Godambe weight 1" and toy.trust_size > 400


@pytest.mark.slow
def test_a_fusion_beyond_every_trust_size_is_refused_before_any_work(project, monkeypatch):
    """20 observations, an N* of 5 at every theta; what stood there stands there still."""
    name = stated(monkeypatch, None, toy_record())
    evaluate.evaluate(name)
    before = tree(places.fusion(name, "terms"))
    stated(monkeypatch, None, bias_record(5, Toy.parameters))
    with pytest.raises(BeyondTrust, match="20 observations, expected at most its trust size of 5"):
        evaluate.evaluate(name)
    assert tree(places.fusion(name, "terms")) == before


@pytest.mark.slow
def test_a_record_without_a_centring_leaves_the_terms_but_says_so(project, monkeypatch):
    record = bias_record(400, Toy.parameters)
    facts = []
    for correction in (None, {"centring": True}):
        name = stated(monkeypatch, correction, record)
        evaluate.evaluate(name)
        facts.append(evaluated.read_facts(places.fusion(name, "terms"))["toy"])
        assert isinstance(evaluated.read_terms(name).scalar.terms["toy"], Lazy)
    assert facts[1] == replace(facts[0], correction=Correction(centred=False))
