"""Repetitions of a fusion: each is what it is alone, drawn where the posterior is, and its t and Q follow their laws.

On a fusion whose S is quadratic (`repeated_lines`) every law is known. Tests of a law state how often chance fails them.
"""

import exact
import numpy as np
import pytest
import torch
from repeated_lines import SPACE, TRUTH, laboratory, normal_draws, observe
from scipy.stats import chi2, kstest

from addend.fusion import calibrated as stage
from addend.fusion.calibrated import audited, scattered
from addend.fusion.repetitions import profiled
from addend.fusion.trust import sandwiched
from addend.maximum import composite, maximise, tension
from addend.modality import find
from addend.scalar import Lazy, Sum
from addend.scalar.forms import Constraint
from benchmarks.likelihoods import HEADS, Exact

RARE = 1e-3
pytestmark = pytest.mark.usefixtures("one_thread")


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


@pytest.mark.parametrize("name", HEADS)
def test_the_likelihoods_of_the_benchmark_are_those_of_the_exact_oracle(name):
    """At the theta that drew the row; the quadratures differ by 1e-3 nats at most where the data are not absurd."""
    rng, modality = np.random.default_rng(6), find(name)
    likelihood = Exact.of(name)
    theta, covariates = likelihood.space.draw(30, rng), modality.covariates(30, rng)
    columns = {**modality.simulate(theta, covariates, rng), **covariates}
    ours = likelihood.psi(*likelihood.embed(columns), torch.from_numpy(theta)).numpy().diagonal()
    assert np.abs(ours - exact.EXACT[name](theta, columns).diagonal()).max() < 1e-3
