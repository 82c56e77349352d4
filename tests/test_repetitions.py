"""What repetitions of a fusion teach: laws of t and Q, critical values, intervals, audits, closure.

On a fusion whose S is quadratic (`repeated_lines`) every law is known. Tests of a law state how often chance fails them.
"""

import shutil
from pathlib import Path

import exact
import exact_line
import numpy as np
import pytest
import torch
import yaml
from addend_toy.line import Toy
from calibration_oracles import within
from repeated_lines import SPACE, TRUTH, laboratory, normal_draws, observe
from scipy.stats import chi2, kstest

from addend import places, shards
from addend.calibration import CriticalValues
from addend.encoder import Encoder
from addend.fusion import calibrated as stage
from addend.fusion.audit import blocks_of, error_audits
from addend.fusion.calibrated import Plan, audited, run, scattered
from addend.fusion.critical import Criticals, intervals
from addend.fusion.experiments import Laboratory
from addend.fusion.methods import TOGETHER
from addend.fusion.repetitions import profiled
from addend.fusion.trust import sandwiched
from addend.maximum import composite, maximise, profile_interval, tension
from addend.modality import find
from addend.scalar import Lazy, Sum
from addend.scalar.forms import Constraint
from addend.stages import finetune, pretrain, simulate
from addend.stages import observe as observe_stage
from benchmarks.likelihoods import HEADS, Exact

LEVELS = (0.6826894921370859, 0.9544997361036416)
RARE = 1e-3


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def single(lab, S, j):
    """Repetition j alone, put together from observations and constraints by hand."""
    parts = {p.name: p for p in S.parts}
    scalars = [Lazy.embedded(lab.psi[m], parts[m].z[j], parts[m].e[0], m) for m in lab.psi]
    for c in lab.constraints:
        moved = Constraint(c.space.parameters[0])
        moved.mean = float(parts[c.name].means[j])
        scalars.append(moved)
    return Sum(scalars, lab.space)


def run_at(lab, n, seed=1, at=None):
    """n repetitions at one theta, with everything that is measured of them."""
    theta = np.tile(TRUTH if at is None else at, (n, 1))
    return audited(lab, maximise(lab.scalar), theta, [seed])


def test_a_row_of_the_sum_is_the_sum_of_its_repetition():
    lab, rng = laboratory(), np.random.default_rng(2)
    theta = SPACE.draw(5, rng)
    S = lab.repeat(theta, rng)
    at = torch.from_numpy(SPACE.draw(5, rng))
    jets = S.jet(at)
    for j in range(5):
        alone = single(lab, S, j).jet(at[j : j + 1])
        assert torch.allclose(jets.value[j], alone.value[0], rtol=1e-12)
        assert torch.allclose(jets.gradient[j], alone.gradient[0], rtol=1e-9, atol=1e-9)
        assert torch.allclose(jets.hessian[j], alone.hessian[0], rtol=1e-9, atol=1e-9)


def test_rows_are_asked_of_the_repetitions_they_belong_to():
    lab, rng = laboratory(), np.random.default_rng(4)
    S, at = lab.repeat(SPACE.draw(5, rng), rng), torch.from_numpy(SPACE.draw(5, rng))
    order = torch.tensor([3, 0, 0, 4])
    whole, some = S.jet(at), S.rows(order).jet(at[order])
    assert all(torch.equal(a[order], b) for a, b in zip(whole, some, strict=True))


def test_repetitions_in_one_batch_give_what_each_gives_alone():
    lab, rng = laboratory(), np.random.default_rng(3)
    theta = np.tile(TRUTH, (4, 1)) + 0.1 * rng.standard_normal((4, 3))
    found = audited(lab, maximise(lab.scalar), theta, [7])
    S = lab.repeat(theta, np.random.default_rng([7]))
    for j in range(4):
        alone = single(lab, S, j)
        fit = maximise(alone)
        names = alone.space.names
        assert np.allclose(found.repetitions.theta_hat[j], fit.theta.numpy(), atol=1e-5)
        assert np.allclose(found.widths.std[j], fit.std.numpy(), rtol=1e-6)
        assert np.allclose(
            found.widths.sandwich[j] ** 2, np.diagonal(sandwiched(alone, fit)), rtol=1e-4
        )
        joint = composite(alone, fit, dict(zip(names, theta[j], strict=True))).statistic
        assert np.isclose(found.repetitions.joint[j], joint, atol=1e-6)
        expected = [composite(alone, fit, {p: theta[j, d]}).statistic for d, p in enumerate(names)]
        assert np.allclose(found.repetitions.single[j], expected, atol=1e-6)
        assert np.isclose(found.q[j], tension(alone, fit).test.statistic, atol=1e-6)


def test_the_auxiliary_measurement_is_made_anew_so_that_every_t_is_chi_square():
    """Five laws held to Kolmogorov's test at 1e-3 each: chance fails this once in 200."""
    found = run_at(laboratory(), 600)
    r = found.repetitions
    laws = {
        "joint": (r.joint, 3),
        **{p: (t, 1) for p, t in zip(r.profiled, r.single.T, strict=True)},
        "tension": (found.q, 2),
    }
    for name, (t, dof) in laws.items():
        p = kstest(t, chi2(dof).cdf).pvalue
        print(f"{name}: p = {p:.3f} against chi^2 with {dof} degrees of freedom, 600 repetitions")
        assert p > RARE


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


def test_a_parameter_in_which_s_is_flat_has_no_interval_and_one_at_its_bound_has():
    lab = laboratory(names=("right",))
    flat = {"right": lab.observed["right"] | {"t": np.zeros(12)}}
    assert profiled(maximise(laboratory(names=("right",), observed=flat).scalar)) == ("a",)
    high = {"right": lab.observed["right"] | {"y": lab.observed["right"]["y"] + 100.0}}
    fit = maximise(laboratory(names=("right",), observed=high).scalar)
    assert "a" in fit.at_boundary and profiled(fit) == ("a", "b")


def test_disagreeing_modalities_lie_beyond_the_simulated_tension():
    rng, lab = np.random.default_rng(4), laboratory()
    apart = lab.observed["left"] | {}
    moved = {"left": apart, "right": observe(12, rng, ("right",), TRUTH + 4.0)["right"]}
    found, real = run_at(lab, 200), laboratory(observed=moved)
    q = tension(real.scalar, maximise(real.scalar)).test.statistic
    assert (found.q < q).all()


def test_the_sandwich_mends_the_width_of_a_psi_twice_too_sharp():
    """2000 observations: J is known to 3 %, curvature is off by sqrt 2."""
    lab = laboratory(n=1000, sharp=2.0)
    fit, exact = maximise(lab.scalar), maximise(laboratory(n=1000).scalar)
    assert np.allclose(
        np.sqrt(np.diagonal(sandwiched(lab.scalar, fit)))[:2], exact.std.numpy()[:2], rtol=0.1
    )
    assert float(fit.std[1]) < 0.75 * float(exact.std[1])


def test_repetitions_are_drawn_where_the_posterior_is_and_within_the_support():
    lab = laboratory()
    fit = maximise(lab.scalar)
    theta = scattered(normal_draws(fit), fit, 2000, [1])
    assert SPACE.inside(theta).all()
    assert np.allclose(theta.std(axis=0), stage.WIDEN * fit.std.numpy(), rtol=0.1)


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


@pytest.mark.parametrize("name", HEADS)
def test_the_likelihoods_of_the_benchmark_are_those_of_the_exact_oracle(name):
    """At the theta that drew the row; the quadratures differ by 1e-3 nats at most where the data are not absurd."""
    rng, modality = np.random.default_rng(6), find(name)
    likelihood = Exact.of(name)
    theta, covariates = likelihood.space.draw(30, rng), modality.covariates(30, rng)
    columns = {**modality.simulate(theta, covariates, rng), **covariates}
    ours = likelihood.psi(*likelihood.embed(columns), torch.from_numpy(theta)).numpy().diagonal()
    assert np.abs(ours - exact.EXACT[name](theta, columns).diagonal()).max() < 1e-3
