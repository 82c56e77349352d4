"""Scalar functions as sums: rows, shards and terms in any order and grouping, aligned by name, give one S."""

import numpy as np
import pytest
import torch
from scalars import AB, CA, B, curved, points, product

from addend.errors import UnknownModality, UnknownParameter
from addend.maximum import maximise
from addend.parameters import Parameter, ParameterSpace
from addend.scalar import (
    Constraint,
    Fixed,
    Function,
    Lazy,
    Reduced,
    Scaled,
    Statistic,
    Sum,
    Zero,
    constraints,
)
from addend.testing.oracles import ORACLES, Cauchy, Linear, Poisson, views_of_one_systematic

torch.set_num_threads(1)


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest difference over the largest value."""
    return float((a - b).abs().max() / b.abs().max())


@pytest.fixture(scope="module")
def counts() -> dict:
    """10,000 Poisson counts."""
    return Poisson().observe([1.3], 10_000, np.random.default_rng(5))


def test_permuting_observations_changes_nothing(counts):
    theta = points(Poisson().space, 7)
    order = np.random.default_rng(0).permutation(len(counts["x"]))
    assert (
        relative(
            Poisson().scalar({"x": counts["x"][order]})(theta), Poisson().scalar(counts)(theta)
        )
        < 1e-9
    )


def test_other_shards_change_nothing(counts):
    theta = points(Poisson().space, 7)
    parts = np.split(counts["x"], [1, 17, 6000])
    assert (
        relative(
            sum(Poisson().scalar({"x": x}) for x in parts)(theta), Poisson().scalar(counts)(theta)
        )
        < 1e-9
    )


def test_adding_in_another_order_changes_nothing():
    terms = [curved(), product(), Constraint(B)]
    forwards, backwards = sum(terms), sum(reversed(terms))
    theta = points(forwards.space, 9)
    other = theta[:, forwards.space.index(backwards.space.names)]
    assert forwards.space.names != backwards.space.names
    assert relative(backwards(other), forwards(theta)) < 1e-9


@pytest.mark.parametrize("pairs", [1, 7, 300, 1234])
def test_any_memory_budget_gives_one_answer(counts, pairs):
    theta, few = points(Poisson().space, 5), {"x": counts["x"][:300]}
    whole, chunked = Lazy(Poisson(), few), Lazy(Poisson(), few, pairs=pairs)
    assert relative(chunked(theta), whole(theta)) < 1e-12
    assert relative(chunked.gradient(theta), whole.gradient(theta)) < 1e-10
    assert relative(chunked.hessian(theta), whole.hessian(theta)) < 1e-10


def test_terms_align_by_name():
    total = curved() + product()
    theta = points(total.space, 6)
    a, b, c = theta.T
    expected = curved()(torch.stack([a, b], dim=1)) + product()(torch.stack([b, c], dim=1))
    assert total.space.names == ("a", "b", "c") and torch.equal(total(theta), expected)


def test_on_reads_theta_in_any_order_and_is_flat_in_the_rest():
    turned = curved().on(CA)
    theta = points(turned.space, 6)
    assert turned.space.names == ("c", "a", "b")
    assert torch.equal(turned(theta), curved()(theta[:, [1, 2]]))
    assert (turned.gradient(theta)[:, 0] == 0).all()


def test_zero_and_the_builtin_sum():
    f, theta = curved(), points(AB, 4)
    assert torch.equal(sum([f, Zero()])(theta), f(theta)) and torch.equal(
        (Zero() + f)(theta), f(theta)
    )
    assert (Zero() + Zero()).n == 0 and torch.equal(
        (Zero() + Zero())(torch.zeros(3, 0)), torch.zeros(3, dtype=torch.float64)
    )


def test_no_observations_add_nothing(counts):
    none = {"x": counts["x"][:0]}
    theta = points(Poisson().space, 5)
    assert (Poisson().scalar(none)(theta) == 0).all() and (
        Poisson().scalar(none).hessian(theta) == 0
    ).all()
    assert torch.equal(
        (Poisson().scalar(counts) + Poisson().scalar(none))(theta), Poisson().scalar(counts)(theta)
    )


def test_removing_a_modality_removes_exactly_its_term():
    views = views_of_one_systematic(3)
    rng = np.random.default_rng(2)
    terms = [v.scalar(v.observe([0.5, 0.2], 20, rng)) for v in views]
    total = sum(terms) + sum(constraints(views[0].space))
    theta = points(total.space, 5)
    rest = total.without("view_1")
    assert set(rest.terms) == {"view_0", "view_2", "constraint:eta"}
    assert torch.equal(rest(theta), (terms[0] + terms[2] + Constraint(total.space["eta"]))(theta))
    assert relative(total(theta) - rest(theta), terms[1](theta)) < 1e-12


def test_shards_of_one_modality_are_one_term(counts):
    shards = [Poisson().scalar({"x": x}) for x in np.split(counts["x"], 4)]
    total = sum(shards) + Cauchy().scalar({"x": np.zeros(3)})
    assert set(total.terms) == {"poisson", "cauchy"} and total.terms["poisson"].n == len(
        counts["x"]
    )
    assert set(total.without("poisson").terms) == {"cauchy"}


def test_an_unknown_name_is_refused():
    with pytest.raises(UnknownModality, match="no term 'weather'"):
        (curved() + product()).without("weather")
    with pytest.raises(UnknownParameter, match="'d' is not a parameter"):
        Fixed(curved(), {"d": 1.0})


def test_a_reduced_data_set_is_the_data_set(counts):
    """Poisson is an exponential family: phi = x, omega = theta, b = exp theta; log x! does not depend on theta."""
    x = torch.from_numpy(counts["x"])
    halves = [Statistic.of(part[:, None]) for part in x.split([3000, 7000])]
    term = Reduced(
        Poisson().space,
        sum([Statistic.zero(1), *halves]),
        lambda t: t,
        lambda t: t[:, 0].exp(),
        "poisson",
    )
    theta = points(term.space, 8)
    exact = Poisson().scalar(counts)
    assert (
        term.n == 10_000
        and relative(term(theta) - term(theta)[0], exact(theta) - exact(theta)[0]) < 1e-12
    )
    assert relative(term.hessian(theta), exact.hessian(theta)) < 1e-12


def test_a_weight_multiplies_a_term(counts):
    term, theta = Poisson().scalar(counts), points(Poisson().space, 4)
    assert relative(Scaled(term, 0.25)(theta), 0.25 * term(theta)) < 1e-12
    assert relative(Scaled(term, 0.25).hessian(theta), 0.25 * term.hessian(theta)) < 1e-12
    each = torch.arange(term.n).double()
    assert relative(Scaled(term, each)(theta), term.observations(theta) @ each) < 1e-12


def test_a_sum_lives_on_the_intersection_of_the_supports():
    narrow = Function(
        ParameterSpace((Parameter("a", "1", "the first", -0.5, 5.0),)), lambda t: -(t[:, 0] ** 2)
    )
    total = curved() + narrow
    assert (total.space["a"].low, total.space["a"].high) == (-0.5, 2.0)
    assert maximise(total).theta_hat[0] >= -0.5


def test_scores_add_up_to_the_gradient():
    modalities = ORACLES["O-11"]
    rng = np.random.default_rng(3)
    total = sum(
        m.scalar(m.observe([0.2, -0.4], n, rng)) for m, n in zip(modalities, (30, 50), strict=True)
    )
    theta = [0.1, 0.3]
    rows = torch.cat([part.scores(theta) for part in total.parts])
    assert rows.shape == (80, 2) and torch.allclose(
        rows.sum(dim=0), total.gradient(theta), atol=1e-10
    )


def test_a_hundred_thousand_observations_keep_differences_of_a_billionth_of_a_nat():
    """Two summation orders of 10^5 terms of order one: differences that matter are of order one, rounding must not be."""
    term = Linear("x", Poisson().space.parameters, [1.0], 1.0)
    x = term.observe([0.3], 100_000, np.random.default_rng(8))
    forwards, backwards = (term.scalar({"x": v}) for v in (x["x"], x["x"][::-1].copy()))
    theta = torch.tensor([[0.301], [0.3]]).double()
    assert abs(float(forwards(theta).diff() - backwards(theta).diff())) < 1e-8


def test_sums_are_flat():
    total = (curved() + product()) + (Constraint(B) + Zero())
    assert (
        isinstance(total, Sum)
        and len(total.parts) == 3
        and all(not isinstance(p, Sum) for p in total.parts)
    )
