"""Scalar functions one by one: their derivatives, an exported program, a constraint, a slice, and the support's end."""

import numpy as np
import pytest
import torch
from scalars import AB, A, B, curved, points, product
from scipy import stats

from addend.errors import BadSetting, OutsideSupport
from addend.scalar import Constraint, Fixed, Function, Lazy, constraints
from addend.testing.oracles import Poisson

torch.set_num_threads(1)


def test_derivatives_are_those_of_finite_differences():
    total = curved() + product() + Constraint(B)
    theta, h = points(total.space, 3, seed=1) * 0.5 + 0.5, 1e-4
    steps = h * torch.eye(3, dtype=torch.float64)
    slope = torch.stack([(total(theta + s) - total(theta - s)) / (2 * h) for s in steps], dim=-1)
    bend = torch.stack(
        [(total.gradient(theta + s) - total.gradient(theta - s)) / (2 * h) for s in steps], dim=-1
    )
    assert torch.allclose(total.gradient(theta), slope, atol=1e-6)
    assert torch.allclose(total.hessian(theta), bend, atol=1e-6)


def test_calls_are_differentiable_and_keep_their_shape():
    theta = points(AB, 6).reshape(2, 3, 2).requires_grad_()
    value = curved()(theta)
    (gradient,) = torch.autograd.grad(value.sum(), theta)
    assert value.shape == (2, 3) and torch.allclose(gradient, curved().gradient(theta.detach()))
    assert (
        curved().hessian(theta.detach()).shape == (2, 3, 2, 2) and curved()([0.1, 0.2]).shape == ()
    )


def test_an_exported_program_is_differentiated_twice():
    net = (
        torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.SiLU(), torch.nn.Linear(8, 1))
        .double()
        .requires_grad_(False)
    )
    program = torch.export.export(
        net, (torch.zeros(3, 2).double(),), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)
    ).module()
    theta = points(AB, 5)
    live, frozen = (Function(AB, lambda t, f=f: f(t)[:, 0]) for f in (net, program))
    assert (
        torch.allclose(frozen.hessian(theta), live.hessian(theta), atol=1e-12)
        and live.hessian(theta).abs().max() > 1e-4
    )


def test_work_on_x_alone_is_done_once():
    class Counting(Poisson):
        embedded = 0

        def embed(self, columns):
            self.embedded += len(columns["x"])
            return super().embed(columns)

    encoder = Counting()
    term = Lazy(encoder, {"x": np.arange(10.0)})
    for seed in range(3):
        term(points(term.space, 4, seed)), term.hessian(points(term.space, 4, seed))
    assert encoder.embedded == 10


def test_a_constraint_is_a_normal_density_up_to_a_constant():
    theta = np.linspace(-1, 3, 9)
    expected = stats.norm(1.0, 0.5).logpdf(theta) - stats.norm(1.0, 0.5).logpdf(1.0)
    assert np.allclose(Constraint(B)(theta[:, None]).numpy(), expected)
    assert [c.name for c in constraints(AB)] == ["constraint:b"]
    with pytest.raises(BadSetting, match="'a' has no constraint"):
        Constraint(A)


def test_fixing_a_parameter_is_reading_a_slice():
    held = Fixed(curved() + product(), {"b": 0.7})
    theta = points(held.space, 5)
    full = torch.stack(
        [theta[:, 0], torch.full((5,), 0.7, dtype=torch.float64), theta[:, 1]], dim=1
    )
    total = curved() + product()
    assert held.space.names == ("a", "c") and torch.equal(held(theta), total(full))
    assert torch.equal(held.hessian(theta), total.hessian(full)[:, [0, 2]][:, :, [0, 2]])


@pytest.mark.parametrize("theta", [[2.5, 0.0], [0.0, -1.1], [float("nan"), 0.0]])
def test_outside_the_support_there_is_no_value(theta):
    for ask in (curved(), curved().gradient, (curved() + Constraint(B)).hessian):
        with pytest.raises(OutsideSupport, match="outside its support"):
            ask(theta)
