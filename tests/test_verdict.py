"""The verdict: a sound answer is believed, and each fault is named on the first screen."""

from dataclasses import replace

import pytest
from report_example import example_answer

from addend.fusion.answer import Agreement, Answer, Correction
from addend.fusion.methods import METHODS, TOGETHER, ErrorAudit
from addend.fusion.verdict import marked, verdict

SOUND = example_answer()
NARROW = ErrorAudit((0.68, 0.95), 500, {TOGETHER: (250, 400)})
WIDE = ErrorAudit((0.68, 0.95), 500, {TOGETHER: (430, 498)})
RIVAL = {"theta": {"H0": 60.0}, "delta": 1.5, "at_boundary": False}
FIRST = {"theta": {"H0": 70.0}, "delta": 0.0, "at_boundary": False}


def bao(**change) -> Answer:
    return SOUND.with_modalities({"bao": change})


def h0(**change) -> Answer:
    return SOUND.with_parameters({"H0": change})


def test_a_sound_fusion_is_believed():
    assert verdict(SOUND).level == "good" and not verdict(SOUND).open


FAULTS = {
    "beyond a tenth": (bao(trust_size=7 / 0.3), "care", "asked for: bao (7 observations, 30 % of"),
    "beyond trust": (bao(trust_size=7 / 1.3), "bad", "may exceed"),
    "never measured": (bao(trust_size=None), "unknown", "not been measured for bao"),
    "some tension": (
        replace(SOUND, tension=Agreement(9.0, 3, 0.01, "")),
        "care",
        "1.0 % of cases",
    ),
    "tension": (replace(SOUND, tension=Agreement(30.0, 3, 1e-5, "")), "bad", "< 0.1 % of cases"),
    "at a bound": (h0(at_boundary=True), "care", "edge of its range"),
    "open": (h0(profile_open_95=(True, False)), "care", "do not bound H0"),
    "prior": (h0(posterior_mean=75.0), "care", "differ for H0"),
    "blind": (h0(identified=False), "care", "do not identify H0"),
    "two answers": (replace(SOUND, modes=(FIRST, RIVAL)), "care", "H0 = 60.0"),
    "dropped": (bao(dropped="it has no champion"), "care", "bao was left out: it has no champion"),
    "never audited": (replace(SOUND, errors={}), "unknown", "assumed here"),
    "all narrow": (replace(SOUND, errors=dict.fromkeys(METHODS, NARROW)), "bad", "Quote none"),
    "one narrow": (
        replace(SOUND, errors={**SOUND.errors, "profile": NARROW}),
        "care",
        "Too narrow: profile (its 68 % region of all together held the truth in 50 %)",
    ),
    "one untried": (
        replace(SOUND, errors={m: a for m, a in SOUND.errors.items() if m != "posterior"}),
        "care",
        "Not tried: posterior",
    ),
    "warned": (replace(SOUND, warnings=("The moon was full.",)), "care", "The moon was full."),
    "few samples": (
        replace(SOUND, sampling={**SOUND.sampling, "effective": 90.0}),
        "care",
        "90 independent",
    ),
    "not converged": (replace(SOUND, converged=False), "care", "stopped before"),
    "strange": (bao(outside_support=0.14), "care", "14 % of bao"),
    "truth": (
        SOUND.with_parameters(
            {p: {"truth": a.theta_hat + 3 * a.curvature_std} for p, a in SOUND.parameters.items()}
        ),
        "bad",
        "by chance",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_on_the_first_screen(fault):
    answer, level, says = FAULTS[fault]
    found = verdict(answer)
    assert found.level == level
    assert any(says in c.sentence for c in found.open)


def test_wide_errors_pass_and_are_said():
    found = verdict(replace(SOUND, errors=dict.fromkeys(METHODS, WIDE)))
    assert found.level == "good"
    assert any("Wider than they need be: calibrated" in c.sentence for c in found.passed)


def test_local_calibration_lifts_the_mark_and_centring_does_not():
    assert marked(bao(trust_size=20.0))
    assert not marked(bao(trust_size=20.0, correction=Correction(local=20)))
    assert marked(bao(trust_size=20.0, correction=Correction(centred=True)))
