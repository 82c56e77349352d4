"""Critical values learned from repetitions: intervals cover whatever psi is, and are the textbook's where it is exact.

On a fusion whose S is quadratic (`repeated_lines`) every law is known. Tests of a law state how often chance fails them.
"""

import shutil
from pathlib import Path

import exact_line
import numpy as np
import pytest
import yaml
from addend_toy.line import Toy
from calibration_oracles import within
from repeated_lines import SPACE, laboratory, normal_draws
from scipy.stats import chi2

from addend import places, shards
from addend.calibration import CriticalValues
from addend.encoder import Encoder
from addend.fusion import calibrated as stage
from addend.fusion.audit import blocks_of, error_audits
from addend.fusion.calibrated import Plan, run
from addend.fusion.critical import Criticals, intervals
from addend.fusion.experiments import Laboratory
from addend.fusion.methods import TOGETHER
from addend.maximum import maximise, profile_interval
from addend.scalar import Lazy, Sum
from addend.stages import finetune, pretrain, simulate
from addend.stages import observe as observe_stage

LEVELS = (0.6826894921370859, 0.9544997361036416)
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.slow
def test_an_overconfident_psi_is_exposed_by_the_audit_and_mended_by_the_critical_values():
    """psi = 2 log p, so t is 2 chi^2 and the textbook's 68 % set of three parameters holds the truth in 36 % of cases.

    Four fractions are compared to 3.3 and four to 3.7 standard errors, those of the lesson and of the audit together:
    chance fails this once in 200.
    """
    lab, n = laboratory(sharp=2.0), 1000
    fit = maximise(lab.scalar)
    taught, seen = run(lab, fit, normal_draws(fit), Plan(n, n))
    criticals = Criticals.learn(taught)
    audits = error_audits(seen, criticals, fit)
    blocks = blocks_of(seen, audits, criticals, fit, 24, 2.0)
    hits = {m: audit.hits[TOGETHER] for m, audit in audits.items()}
    print({k: [h / n for h in v] for k, v in hits.items()})
    assert hits["profile"][0] / n < 0.6
    spread = np.sqrt(2 * np.array(LEVELS) * (1 - np.array(LEVELS)) / n)
    assert (np.abs(np.array(hits["calibrated"]) / n - LEVELS) < 3.3 * spread).all()
    inside = criticals.inside(seen.repetitions).mean(axis=0)
    assert (np.abs(inside[:2] - LEVELS) < 3.7 * spread).all()
    assert 1.25 < blocks["pulls"]["spread"]["b"] < 1.58
    ours, textbook = (
        intervals(lab.scalar, fit, "b", criticals.single["b"])[0],
        ends(profile_interval(lab.scalar, fit, "b")),
    )
    assert 1.2 < np.ptp(ours) / np.ptp(textbook) < 1.65


def ends(interval):
    return interval.low, interval.high


@pytest.mark.slow
def test_a_biased_psi_shows_in_the_pulls_and_its_learned_sets_cover_all_the_same():
    """Each of 24 observations pulls a up by a twentieth: chance fails this once in 500."""
    lab, n = laboratory(tilt=0.15), 800
    fit = maximise(lab.scalar)
    taught, seen = run(lab, fit, normal_draws(fit), Plan(n, n))
    criticals = Criticals.learn(taught)
    audits = error_audits(seen, criticals, fit)
    mean = blocks_of(seen, audits, criticals, fit, 24, 2.0)["pulls"]["mean"]
    hits = {m: audit.hits[TOGETHER] for m, audit in audits.items()}
    print(mean, {k: [h / n for h in v] for k, v in hits.items()})
    assert mean["a"] > 5 / np.sqrt(n)
    low = [lv - 3.3 * np.sqrt(2 * lv * (1 - lv) / n) for lv in LEVELS]
    assert hits["profile"][0] / n < low[0] and all(
        h / n > b for h, b in zip(hits["calibrated"], low, strict=True)
    )


def test_textbook_critical_values_give_textbook_intervals():
    lab = laboratory()
    fit = maximise(lab.scalar)
    low, high = SPACE.low, SPACE.high
    values = CriticalValues(
        SPACE.names, tuple(low), tuple(high), 0, LEVELS, np.log(chi2.ppf(LEVELS, 1))[:, None], 1
    )
    for p in SPACE.names:
        for level, found in zip(LEVELS, intervals(lab.scalar, fit, p, values), strict=True):
            exact = profile_interval(lab.scalar, fit, p, level)
            assert np.allclose(found, ends(exact), atol=2e-3 * float(fit.std[SPACE.index([p])[0]]))


def test_an_interval_ends_where_the_support_does():
    lab = laboratory(n=2)
    fit = maximise(lab.scalar)
    values = CriticalValues(
        SPACE.names, tuple(SPACE.low), tuple(SPACE.high), 0, LEVELS, np.full((2, 1), 20.0), 1
    )
    assert intervals(lab.scalar, fit, "a", values) == [(-30.0, 30.0)] * 2


@pytest.mark.slow
def test_what_is_counted_does_not_depend_on_the_size_of_the_blocks(monkeypatch):
    """Blocks of 7 and of 250 differ in the noise they draw, and in nothing else: both cover."""
    lab = laboratory()
    fit, counts = maximise(lab.scalar), []
    for rows in (7, 250):
        monkeypatch.setattr(stage, "ROWS", rows)
        taught, _ = run(lab, fit, normal_draws(fit), Plan(300, 2))
        counts.append(int((taught.joint < chi2.ppf(LEVELS[0], 3)).sum()))
        assert len(taught.joint) == 300
    assert all(within(k, 300, LEVELS[0]) for k in counts)


@pytest.mark.slow
def test_learned_and_exact_critical_values_give_intervals_of_one_width(tmp_path, monkeypatch):
    """An encoder of a thousand steps and the line's own likelihood, given the same 600 repetitions: within 5 %."""
    lab = learned_line(tmp_path, monkeypatch)
    own = exact_line.encoder(exact_line.Line())
    true = Laboratory(
        Sum([Lazy(own, lab.observed["toy"])], lab.space), {"toy": own}, lab.simulators, lab.observed
    )
    widths = []
    for each in (lab, true):
        fit = maximise(each.scalar)
        taught, _ = run(each, fit, normal_draws(maximise(true.scalar)), Plan(600, 2))
        criticals = Criticals.learn(taught)
        widths.append(
            [
                np.ptp(i)
                for p in lab.space.names
                for i in intervals(each.scalar, fit, p, criticals.single[p])
            ]
        )
    ratio = np.array(widths[0]) / widths[1]
    print("learned over exact:", ratio.round(3))
    assert np.abs(ratio - 1).max() < 0.05


def learned_line(root, monkeypatch) -> Laboratory:
    """The line with an encoder trained on it."""
    here = Path(__file__).resolve().parent.parent
    (root / "modalities" / "toy").mkdir(parents=True)
    shutil.copy(here / "parameters.yaml", root)
    shutil.copy(here / "modalities" / "toy" / "parameters.yaml", root / "modalities" / "toy")
    network = {"head": "flow", "hidden": [16, 16], "shape": [8], "components": 2, "seed": 1}
    schedule = {"steps": [800, 100, 200], "batch": [512] * 3, "rate": [0.01, 0.003, 0.0003]}
    settings = {
        "simulate": {"seed": 1, "train": 40_000, "calibrate": 200, "audit": 200},
        "finetune": network | schedule,
    }
    (root / "modalities" / "toy" / "params.yaml").write_text(yaml.safe_dump(settings))
    monkeypatch.chdir(root)
    for step in (observe_stage.observe, simulate.simulate, pretrain.pretrain, finetune.finetune):
        step("toy")
    columns = shards.read_set(places.observations("toy", "line")).columns
    encoder = Encoder.load(places.encoder("toy", "head"))
    return Laboratory(
        Sum([Lazy(encoder, columns)], encoder.space),
        {"toy": encoder},
        {"toy": Toy()},
        {"toy": columns},
    )
