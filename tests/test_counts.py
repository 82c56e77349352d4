"""Whole numbers through the flow: probabilities, not densities; held to exact Poisson and softmax laws."""

import numpy as np
import pytest
import torch
from scipy.special import gammaln
from scipy.stats import norm

from addend.heads import Flow
from addend.heads.discrete import log_mass
from addend.modality import Field, Schema
from addend.pretrain import standardise
from addend.testing.heads import check_curvature, check_outer, check_rows
from addend.training import Rows, Training, fit

COUNT = {"link": "exp", "error": None, "present": None, "counts": True}
CLASS = {"link": "identity", "error": None, "present": None, "classes": 4}
LOW, HIGH = np.log(0.5), np.log(200)


def jolted(observables, seed=1):
    torch.manual_seed(seed)
    head = Flow(observables, 1, 2, [0], hidden=(8,), shape=(8,), components=3)
    for weight in head.parameters():
        weight.data += 0.3 * torch.randn(weight.shape)
    return head.double()


@pytest.mark.parametrize("observable", [COUNT, CLASS])
def test_probabilities_add_up_to_one_at_every_theta_and_covariate(observable):
    head = jolted([observable])
    k = torch.arange(4 if "classes" in observable else 4000).double()[:, None]
    e, phi = torch.randn(5, 1).double(), torch.randn(7, 2).double()
    total = torch.exp(head(k[:, None, None], e[None, :, None], phi[None, None])).sum(0)
    torch.testing.assert_close(total, torch.ones(5, 7).double(), rtol=0, atol=1e-10)


def test_a_count_a_class_and_a_number_stand_in_one_flow_that_keeps_the_laws():
    head = jolted([COUNT, CLASS, {**COUNT, "counts": False}])
    generator = torch.Generator().manual_seed(2)
    z = torch.stack([
        torch.randint(0, 30, (60,), generator=generator), torch.randint(0, 4, (60,), generator=generator),
        torch.randn(60, generator=generator),
    ], 1).double()  # fmt: skip
    e, phi = (torch.randn(60, n, generator=generator).double() for n in (1, 2))
    check_outer(head, z[:37], e[:37], phi[:11])
    check_rows(head, z[:37], e[:37], phi[:37])
    check_curvature(head, z[:8], e[:8], phi)
    k = torch.cartesian_prod(torch.arange(800), torch.arange(4)).double()
    both = Flow(head.observables[:2], 1, 2, [0], hidden=(8,), shape=(8,), components=3).double()
    total = torch.exp(both(k, e[:1], phi[:1])).sum()
    assert total.item() == pytest.approx(1, abs=1e-10)


def test_mass_between_deviates_is_right_in_both_tails():
    """Against scipy's survival functions; 30 standard deviations out they differ by 1e-10 of the logarithm at most."""
    low = np.array([-1e3, -30, -3, -0.1, 0.2, 4, 29])
    high = np.array([-2.0, -29.5, -2.9, 0.1, 0.3, 5, 30])
    side = low + high > 0
    exact = np.where(side, norm.sf(low) - norm.sf(high), norm.cdf(high) - norm.cdf(low))
    found = log_mass(torch.from_numpy(low), torch.from_numpy(high)).numpy()
    np.testing.assert_allclose(found, np.log(exact), rtol=1e-9)


def test_the_standardiser_leaves_whole_numbers_alone_and_says_what_they_are():
    schema = Schema((
        Field("n", "1", "", dtype="int64", kind="count"),
        Field("k", "1", "", dtype="int64", kind="category", categories=4), Field("y", "1", ""),
    ))  # fmt: skip
    rng = np.random.default_rng(3)
    columns = {"n": rng.poisson(9, 50), "k": rng.integers(0, 4, 50), "y": rng.standard_normal(50)}
    backbone = standardise(schema, columns)
    z, _, log_det = backbone.module(
        torch.from_numpy(schema.x(columns)), torch.zeros(50, 0).double()
    )
    assert np.array_equal(z[:, 0], columns["n"]) and np.array_equal(z[:, 1], columns["k"])
    first, second, third = backbone.read_as()["observables"]
    assert first["counts"] and second["classes"] == 4 and not {"counts", "classes"} & set(third)
    assert log_det.isfinite().all()


@pytest.mark.slow
def test_poisson_counts_are_learned_to_a_tenth_of_a_nat():
    """Rates of 0.5 to 200, 200 000 counts: S of 50 counts against the exact one over its 95 % region, at 12 rates."""
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(4)
    phi = 2 * torch.rand(200_000, 1, generator=generator) - 1
    rate = torch.exp(LOW + (phi + 1) / 2 * (HIGH - LOW))
    z = torch.poisson(rate, generator=generator)
    head = Flow([COUNT], 0, 1, [], hidden=(32, 32), shape=(16, 16), components=3)
    rows, held = Rows(z, torch.zeros(len(z), 0), phi).split()
    fit(
        head,
        rows,
        Training(1, (1500, 600, 1000), (2048, 2048, 4096), (0.003, 0.003, 0.001)),
        held=held,
    )
    head.double()
    grid = np.linspace(LOW, HIGH, 400)
    at = torch.from_numpy(2 * (grid - LOW) / (HIGH - LOW) - 1)[:, None]
    rng, worst = np.random.default_rng(5), []
    for truth in np.linspace(LOW + 0.6, HIGH - 0.3, 12):
        k = rng.poisson(np.exp(truth), 50).astype(np.float64)
        exact = k.sum() * grid - 50 * np.exp(grid) - gammaln(k + 1).sum()
        with torch.no_grad():
            learned = (
                head.outer(torch.from_numpy(k)[:, None], torch.zeros(50, 0).double(), at)
                .sum(1)
                .numpy()
            )
        inside = exact > exact.max() - 1.92
        off = (learned - exact)[inside]
        worst.append(np.sqrt(((off - off.mean()) ** 2).mean()))
    print("rms of Delta S, nat:", np.round(worst, 3))
    assert max(worst) < 0.1
