"""S of many observations, read from a table: where it is the sum to a thousandth of a nat, and where none is made."""

import exact_line
import numpy as np
import pytest
import torch
from addend_toy.line import Toy

from addend.encoder import coordinate_box
from addend.fusion.interpolated import FEW as FEW_REPEATED
from addend.fusion.interpolated import Interpolated, interpolated
from addend.fusion.repeated import Repeated
from addend.fusion.tables import FEW, OFF, Table, ends, error_of, tabulated
from addend.maximum.modes import maximise
from addend.posterior import sample
from addend.scalar import Lazy, Tabulated

BOX = coordinate_box(torch.nn.Identity(), exact_line.SPACE)
TRUE = 0.2
"""The truth along both coordinates."""


class Wide(exact_line.Line):
    """The line in standardised coordinates, with a logistic bend of the intercept and, if asked, a kink."""

    def __init__(self, kink: float = 0.0, at: float = 0.0):
        super().__init__()
        self.kink, self.at = kink, at

    def forward(self, z, e, phi):
        centre, half = (torch.tensor(BOX[k], dtype=torch.float64) for k in ("centre", "half"))
        theta = centre + half * phi
        bent = torch.stack([theta[..., 0] + 0.3 * torch.tanh(phi[..., 1]), theta[..., 1]], -1)
        return super().forward(z, e, bent) + self.kink * (phi[..., 0] - self.at).abs()


def lazy(n: int, head: torch.nn.Module | None = None) -> Lazy:
    encoder, rng = exact_line.encoder(head or Wide()), np.random.default_rng(2)
    encoder.manifest["coordinates"] = BOX
    theta = np.tile(exact_line.SPACE.from_unit(np.full(2, (1 + TRUE) / 2)), (n, 1))
    covariates = Toy().covariates(n, rng)
    return Lazy(encoder, {**Toy().simulate(theta, covariates, rng), **covariates})


@pytest.fixture(scope="module")
def both() -> tuple[Lazy, Lazy]:
    exact = lazy(2000)
    return exact, tabulated(exact)


def test_the_table_is_the_sum_all_over_the_support(both):
    """Held to the sum at 2000 points that are in no design of the table, values running over thousands of nats."""
    exact, table = both
    assert isinstance(table, Table) and 0 < error_of(table) <= OFF and error_of(exact) is None
    theta = torch.from_numpy(exact_line.SPACE.draw(2000, np.random.default_rng(3)))
    found, right = table(theta), exact(theta)
    assert float(right.max() - right.min()) > 1000
    assert float((found - right).abs().max()) <= 2 * table.table.error + 1e-9


def test_within_its_box_and_beyond_it_slopes_are_those_of_the_sum(both):
    """In errors of either parameter; the box holds `DEEP` nats, so that 17 sigma away every observation is asked."""
    exact, table = both
    low, high = ends(table.table.space)
    fit = maximise(exact, 1)
    theta = fit.theta + fit.std.min() * torch.tensor([[0.0, 0.0], [3.0, 1.0], [0.0, 17.0]])
    phi = table.encoder.phi(theta)
    assert ((phi > low) & (phi < high)).all(dim=1).tolist() == [True, True, False]
    found, right = table.jet(theta), exact.jet(theta)
    torch.testing.assert_close(
        found.gradient * fit.std, right.gradient * fit.std, rtol=0, atol=0.02
    )
    scale = fit.std[:, None] * fit.std
    torch.testing.assert_close(found.hessian * scale, right.hessian * scale, rtol=0, atol=0.02)


def test_values_slopes_and_curvatures_are_all_read_from_the_table(both):
    """One moved up by a nat: an ascent that stepped by others than it judged by would lose its way by the table's error."""
    exact, table = both
    own, theta = table.table, maximise(exact, 1).theta[None]
    moved = own.coefficients.clone()
    moved[0, 0] += 1
    up = Table(exact, exact.encoder, exact, Tabulated(own.space, moved, own.n, own.name, own.error))
    right = exact.values(theta) + 1
    for read in (up.values(theta), up.slope(theta).value, up.jet(theta).value):
        torch.testing.assert_close(read, right, rtol=0, atol=0.01)


def test_its_maximum_curvature_and_posterior_are_those_of_the_sum(both):
    """theta_hat within 1e-4 errors; the posteriors' means within 0.2, three of their own errors should the two walks part."""
    exact, table = (maximise(s, 1) for s in both)
    np.testing.assert_allclose(table.theta, exact.theta, atol=1e-4 * exact.std.min(), rtol=0)
    np.testing.assert_allclose(table.std, exact.std, rtol=1e-3)
    drawn = [sample(s, 1, ess=500, budget=20_000) for s in both]
    for d in range(2):
        off = abs(drawn[0].mean[d] - drawn[1].mean[d]) / drawn[0].std[d]
        assert off < 0.2


def test_what_is_asked_of_each_observation_is_asked_of_it(both):
    exact, table = both
    theta = torch.from_numpy(exact_line.SPACE.draw(1, np.random.default_rng(4)))
    assert torch.equal(table.observations(theta), exact.observations(theta))
    assert torch.equal(table.scores(theta[0]), exact.scores(theta[0]))


def test_of_few_observations_and_of_a_kink_there_is_no_table():
    assert error_of(few := tabulated(lazy(FEW - 1))) is None and type(few) is Lazy
    assert type(tabulated(lazy(2000, Wide(kink=-30.0, at=TRUE)))) is Lazy


@pytest.fixture(scope="module")
def repetitions() -> tuple[torch.Tensor, Repeated, Repeated]:
    """Truths of 40 repetitions of 500 observations, S of each asked of every observation, and by values at nodes."""
    encoder, rng, J, n = exact_line.encoder(Wide()), np.random.default_rng(5), 40, 500
    encoder.manifest["coordinates"] = BOX
    centre, wide = (np.array(BOX[k]) for k in ("centre", "half"))
    theta = centre + 0.05 * wide * rng.standard_normal((J, 2))
    covariates = Toy().covariates(n, rng)
    every = {k: np.tile(v, J) for k, v in covariates.items()}
    drawn = Toy().simulate(np.repeat(theta, n, axis=0), every, rng)
    z, e = (a.reshape(J, n, -1) for a in encoder.embed({**drawn, **every}))
    exact = Repeated(encoder, z, e[:1])
    return torch.from_numpy(theta), exact, interpolated(exact, torch.from_numpy(theta))


def test_repetitions_by_their_values_at_nodes_are_those_of_their_observations(repetitions):
    """Values, gradients and Hessians at the truths, in an order of their own, and beyond the box, where all are asked."""
    theta, exact, reduced = repetitions
    assert type(reduced) is Interpolated
    index = torch.tensor([3, 3, 17, 39, 0])
    found, right = (r.rows(index).jet(theta[index]) for r in (reduced, exact))
    scale = right.hessian.diagonal(dim1=1, dim2=2).abs().sqrt()
    assert float((found.value - right.value).abs().max()) <= OFF
    assert float(((found.gradient - right.gradient) / scale).abs().max()) < 0.02
    assert (
        float(((found.hessian - right.hessian) / (scale[:, :, None] * scale[:, None])).abs().max())
        < 0.02
    )
    far = torch.from_numpy(exact_line.SPACE.draw(40, np.random.default_rng(6)))
    beyond = ((reduced.encoder.phi(far) - reduced.box[0]).abs() > reduced.box[1]).any(1)
    assert 5 < int(beyond.sum())
    found, right = (r.jet(far) for r in (reduced, exact))
    torch.testing.assert_close(found.value[beyond], right.value[beyond], rtol=1e-12, atol=0)
    torch.testing.assert_close(found.hessian[beyond], right.hessian[beyond], rtol=1e-9, atol=1e-6)


def test_scores_of_repetitions_are_asked_of_the_observations(repetitions):
    theta, exact, reduced = repetitions
    assert torch.equal(reduced.each_score(theta), exact.each_score(theta))


def test_few_observations_and_a_kink_are_not_reduced(repetitions):
    theta, exact, _ = repetitions
    few = Repeated(exact.psi, exact.z[:, : FEW_REPEATED - 1], exact.e[:, : FEW_REPEATED - 1])
    assert interpolated(few, theta) is few
    bent = exact_line.encoder(Wide(kink=30.0))
    bent.manifest["coordinates"] = BOX
    kinked = Repeated(bent, exact.z, exact.e)
    assert interpolated(kinked, theta) is kinked
