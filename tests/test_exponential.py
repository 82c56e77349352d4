"""The exponential family head: a data set is a vector and a count, and distillation loses next to nothing."""

import pytest
import torch
from torch import nn

from addend.errors import BadSetting, UnfitHead
from addend.heads.base import Head
from addend.heads.distil import distil, left_out
from addend.heads.exponential import ROWS, Exponential
from addend.heads.ratio import Ratio

TWO_D = [9, 9]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


class Exact(Head):
    """log p of one observable with K = 2 coordinates in [-1, 1], in closed form."""

    kind, normalised = "exact", False

    def __init__(self, law):
        super().__init__()
        self.law, self.unit = (
            law,
            nn.Parameter(torch.ones((), dtype=torch.float64), requires_grad=False),
        )

    def forward(self, z, e, phi):
        location, scale = phi[..., 0], torch.exp(0.5 * phi[..., 1])
        return (
            self.law(0.0, 1.0).log_prob((z[..., 0] - location) / scale)
            - scale.log()
            + 0 * self.unit
        )

    def loss(self, z, e, phi, generator=None):
        return -self(z, e, phi).mean()

    def config(self):
        return {}


NORMAL, CAUCHY = Exact(torch.distributions.Normal), Exact(torch.distributions.Cauchy)


def draws(teacher, n, phi=None):
    """Observations `(n, 1)`, no covariates, at thetas from all over the box or at `phi (2,)`."""
    phi = (
        2 * torch.rand(n, 2, dtype=torch.float64) - 1
        if phi is None
        else torch.as_tensor(phi).double().expand(n, 2)
    )
    z = phi[:, :1] + torch.exp(0.5 * phi[:, 1:]) * teacher.law(0.0, 1.0).sample((n, 1)).double()
    return (z if teacher is NORMAL else z.arcsinh()), torch.zeros(n, 0, dtype=torch.float64)


class Squashed(Exact):
    """The Cauchy law seen through arcsinh, a fixed bijection that changes psi by nothing in theta."""

    def forward(self, z, e, phi):
        return super().forward(torch.sinh(z), e, phi)


CAUCHY.__class__ = Squashed


@pytest.fixture(scope="module")
def student():
    torch.manual_seed(1)
    return distil(NORMAL, *draws(NORMAL, 6000), TWO_D, features=6, hidden=(32, 32), steps=600)


def test_a_data_set_is_its_statistic(student):
    z, e = draws(NORMAL, 1000)
    phi = 2 * torch.rand(7, 2, dtype=torch.float64) - 1
    s = student.statistic(z, e)
    assert s.shape == (7,) and s[-1] == 1000
    assert torch.allclose(student.evaluate(s, phi), student.outer(z, e, phi).sum(1), rtol=1e-10)


def test_statistics_add_whatever_the_chunks_and_the_order(student):
    z, e = draws(NORMAL, 1000)
    order = torch.randperm(1000)
    whole, parts = (
        student.statistic(z, e),
        sum(student.statistic(z[i], e[i]) for i in order.split(130)),
    )
    assert torch.allclose(whole, parts, rtol=1e-9)
    assert torch.equal(student.statistic(z[:0], e[:0]), torch.zeros(7, dtype=torch.float64))


def test_a_statistic_taken_a_few_rows_at_a_time_is_the_sum_of_the_features():
    head = Exponential(2, 1, TWO_D, 5, hidden=(16, 8)).double()
    z, e = torch.randn(3 * ROWS + 1, 2).double(), torch.randn(3 * ROWS + 1, 1).double()
    with torch.no_grad():
        chunked = head.statistic(z, e)
    whole = head.statistic(z, e)
    assert whole.requires_grad and torch.allclose(whole[:-1], head.f(z, e).sum(0), rtol=1e-12)
    assert torch.allclose(chunked, whole, rtol=1e-10)


def test_a_statistic_in_single_precision_is_off_by_less_than_a_rounding_for_each_observation():
    head = Exponential(2, 0, TWO_D, 5)
    z, e = torch.randn(20_000, 2), torch.zeros(20_000, 0)
    with torch.no_grad():
        single, double = head.statistic(z, e), head.double().statistic(z.double(), e.double())
    print(f"largest error {float((single - double).abs().max()):.1e} of sums of 20000")
    assert single.dtype == torch.float64 and ((single - double).abs() < 20_000 * 1e-7).all()


@pytest.mark.parametrize("grid", [[7], [1, 4], [9, {"levels": 3}], [5, 4, 6]])
def test_one_axis_after_the_other_is_the_whole_basis(grid):
    """S interpolated axis by axis, at one theta and at a table of tables, with its Hessian."""
    head = Exponential(1, 0, grid, 3)
    head.omega.normal_(), head.b.normal_()
    statistic, phi = torch.randn(4).double(), 2 * torch.rand(2, 6, len(grid)).double() - 1
    whole = lambda phi: head.basis(phi) @ (head.omega @ statistic[:-1] - head.b * statistic[-1])  # noqa: E731
    axis_by_axis = lambda phi: head.evaluate(statistic, phi)  # noqa: E731
    assert torch.allclose(axis_by_axis(phi), whole(phi))
    hessians = [torch.autograd.functional.hessian(s, phi[0, 0]) for s in (axis_by_axis, whole)]
    assert torch.allclose(*hessians, atol=1e-9)


def test_an_exponential_family_is_recovered_to_a_thousandth_of_a_nat(student):
    """The normal law has two sufficient statistics: d = 6 is more than enough, what is left is the network's."""
    assert student.left_out[0] < 2e-3 and student.left_out[1] < 4e-3


def test_the_record_holds_for_fresh_observations(student):
    """To a factor of two: both are means of 600 and 2000 squares with long tails."""
    ratio = left_out(student, NORMAL, *draws(NORMAL, 2000)) / student.left_out
    assert ((ratio > 0.5) & (ratio < 2)).all()


@pytest.mark.parametrize("phi", [(0.0, 0.0), (0.7, -0.7), (-0.7, 0.7)])
def test_the_student_finds_its_teachers_maximum(student, phi):
    """At N = 10^4 the two maxima differ by less than 0.03 standard errors, by one Newton step from the truth."""
    z, e = draws(NORMAL, 10_000, phi)
    steps = []
    for head in (student, NORMAL):
        at = torch.tensor(phi, dtype=torch.float64)
        gradient = torch.autograd.functional.jacobian(
            lambda t, h=head: h.outer(z, e, t[None]).sum(), at
        )
        hessian = torch.autograd.functional.hessian(
            lambda t, h=head: h.outer(z, e, t[None]).sum(), at
        )
        steps.append(-torch.linalg.solve(hessian, gradient))
    error = torch.linalg.inv(-hessian).diagonal().sqrt()
    print(((steps[0] - steps[1]) / error).tolist())
    assert ((steps[0] - steps[1]).abs() < 0.03 * error).all()


@pytest.mark.slow
def test_cauchy_has_no_finite_statistic_and_more_features_leave_less_out():
    """Pitman, Koopman and Darmois: no d is enough, and the record says how much each leaves."""
    z, e = draws(CAUCHY, 6000)
    errors = [
        float(distil(CAUCHY, z, e, TWO_D, d, (32, 32), steps=1500).left_out[0]) for d in (2, 4, 12)
    ]
    print(errors)
    assert errors[0] > 2 * errors[1] > 4 * errors[2] > 0


def test_a_ratio_can_teach():
    """A network of random weights, whose psi varies by two nats over the box."""
    teacher = Ratio(1, 0, 2, hidden=(16, 16)).double()
    for p in teacher.parameters():
        nn.init.normal_(p, std=0.4)
    student = distil(teacher, *draws(NORMAL, 4000), TWO_D, features=12, hidden=(32, 32), steps=600)
    assert student.left_out[0] < 0.01


def test_a_discrete_coordinate_has_levels_in_place_of_nodes():
    """Two normal laws of unlike widths, told apart by the index in column 1, which is linear between -1 and 1 in NORMAL."""
    index = 2 * torch.randint(0, 2, (6000, 1)).double() - 1
    phi = torch.cat([2 * torch.rand(6000, 1, dtype=torch.float64) - 1, index], 1)
    z = phi[:, :1] + torch.exp(0.5 * index) * torch.randn(6000, 1, dtype=torch.float64)
    student = distil(
        NORMAL, z, torch.zeros(6000, 0).double(), [9, {"levels": 2}], 4, (32, 32), steps=600
    )
    assert student.nodes()[:, 1].unique().tolist() == [-1.0, 1.0] and student.left_out[0] < 5e-3


def test_the_cardinal_functions_reproduce_polynomials_and_their_curvature():
    head = Exponential(1, 0, [6, 5], 1)
    polynomial = lambda phi: 1 + phi[..., 0] ** 3 * phi[..., 1] - 2 * phi[..., 1] ** 4  # noqa: E731
    values = polynomial(head.nodes())
    for point in (torch.tensor([0.3, -0.2]), torch.tensor([1.0, -1.0])):
        at = point.double()
        hessian = torch.autograd.functional.hessian(lambda phi: head.basis(phi) @ values, at)
        assert torch.allclose(head.basis(at) @ values, polynomial(at))
        assert torch.allclose(hessian, torch.autograd.functional.hessian(polynomial, at), atol=1e-9)


def test_outside_its_box_it_is_no_number(student):
    s = student.statistic(*draws(NORMAL, 10))
    assert torch.isnan(
        student.evaluate(s, torch.tensor([[1.2, 0.0], [0.0, 0.0]]).double())
    ).tolist() == [True, False]


def test_training_it_from_draws_is_refused():
    with pytest.raises(UnfitHead, match="distil it"):
        Exponential(1, 0, [5], 2).loss(torch.zeros(9, 1), torch.zeros(9, 0), torch.zeros(9, 1))


def test_a_grid_that_would_not_fit_is_refused():
    with pytest.raises(BadSetting, match="17 x 17 x 17 x 17 has 83521 nodes"):
        Exponential(1, 0, [17] * 4, 8)
