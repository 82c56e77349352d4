"""The tabulated form: geometric convergence, an honest error estimate, and no extrapolation."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch

from addend.errors import BadSetting, OutsideSupport
from addend.maximum import maximise
from addend.parameters import Parameter, ParameterSpace
from addend.scalar import Function, Tabulated, tabulate
from addend.testing.oracles import ORACLES, Cauchy, Poisson

torch.set_num_threads(1)
SPACE = ParameterSpace(tuple(Parameter(n, "1", n, -2.0, 2.0) for n in "abc"))
SMOOTH = Function(
    SPACE,
    lambda t: -(t.square().sum(dim=1)) - (t[:, 0] * t[:, 1] + 0.3 * t[:, 2]).exp(),
    n=5,
    name="smooth",
)


@pytest.fixture(scope="module")
def table() -> Tabulated:
    return tabulate(SMOOTH, low=[-1, -0.5, 0], high=[1, 1, 1.5], nodes=11)


def inside(space: ParameterSpace, n: int) -> torch.Tensor:
    return torch.from_numpy(space.draw(n, np.random.default_rng(1)))


def test_the_error_falls_geometrically_in_the_nodes():
    errors = [tabulate(SMOOTH, [-1, -1, -1], [1, 1, 1], nodes=n).error for n in (5, 7, 9, 11, 13)]
    assert all(b < 0.1 * a for a, b in pairwise(errors)), errors


@pytest.mark.parametrize("nodes", [5, 9, 13])
def test_the_error_estimate_is_that_of_fresh_points(nodes):
    """The largest error at 4,000 fresh points, within a factor of 4 of the largest at the 128 held out, and below the tail."""
    made = tabulate(SMOOTH, [-1, -1, -1], [1, 1, 1], nodes=nodes)
    theta = inside(made.space, 4000)
    worst = float((made(theta) - SMOOTH(theta)).abs().max())
    assert worst / 4 < made.error < 4 * worst and worst < 4 * made.tail()


def test_the_values_at_polynomials_are_exact():
    cubic = Function(SPACE, lambda t: t[:, 0] ** 3 * t[:, 1] - 2 * t[:, 2] ** 2)
    made = tabulate(cubic, nodes=4)
    theta = inside(SPACE, 50)
    assert float((made(theta) - cubic(theta)).abs().max()) < 1e-12 and made.error < 1e-12


def test_derivatives_are_those_of_the_function(table):
    theta = inside(table.space, 20)
    assert torch.allclose(table.gradient(theta), SMOOTH.gradient(theta), atol=1e-6)
    assert torch.allclose(table.hessian(theta), SMOOTH.hessian(theta), atol=1e-4)


def test_derivatives_are_finite_on_the_edge_of_the_box(table):
    assert table.hessian(torch.from_numpy(table.space.high)).isfinite().all()


def test_outside_the_box_it_refuses(table):
    assert SMOOTH([1.2, 0.0, 1.0]).isfinite()
    with pytest.raises(OutsideSupport, match=r"a = 1\.2 is outside"):
        table([1.2, 0.0, 1.0])


def test_the_box_limits_a_sum_and_its_maximum(table):
    total = table + Function(ParameterSpace((SPACE["a"],)), lambda t: 100 * t[:, 0])
    assert total.space["a"].high == 1.0 and maximise(total).at_boundary == ("a", "c")


def test_a_box_outside_the_support_is_refused():
    with pytest.raises(BadSetting, match="is not inside its support"):
        tabulate(SMOOTH, [-3, 0, 0], [1, 1, 1])


def test_it_is_kept_as_json_to_the_last_bit(table):
    again = Tabulated.from_dict(json.loads(json.dumps(table.as_dict())))
    theta = inside(table.space, 10)
    assert torch.equal(again(theta), table(theta)) and (again.n, again.name, again.error) == (
        table.n,
        table.name,
        table.error,
    )


@pytest.mark.parametrize("oracle", [Poisson(), Cauchy()])
def test_theta_hat_from_a_table_around_the_maximum(oracle):
    """Nine nodes on six sigma at N = 1,000: theta_hat moves by less than a thousandth of a sigma."""
    exact = oracle.scalar(oracle.observe([1.0], 1000, np.random.default_rng(4)))
    fit = maximise(exact)
    low, high = ((fit.theta_hat + s * 6 * fit.std).numpy() for s in (-1, 1))
    made = maximise(tabulate(exact, low, high))
    assert abs(float((made.theta_hat - fit.theta_hat) / fit.std)) < 1e-3


def test_tables_of_two_modalities_add_up():
    rng = np.random.default_rng(6)
    terms = [m.scalar(m.observe([0.5, -0.5], 40, rng)) for m in ORACLES["O-11"]]
    total = sum(tabulate(t, [-1, -2], [2, 1], nodes=5) for t in terms)
    theta = inside(total.space, 10)
    assert torch.allclose(total(theta), sum(terms)(theta), atol=1e-8) and total.n == 80
