"""theta_hat as a differentiable layer, and the influence of each observation on it."""

import numpy as np
import pytest
import torch

from addend.errors import NotInterior
from addend.maximum import Argmax, implicit, influence, maximise, unrolled
from addend.parameters import ParameterSpace
from addend.scalar import Constraint, Function, Scaled
from addend.testing.oracles import ORACLES, Bernoulli, Cauchy, Poisson, views_of_one_systematic

torch.set_num_threads(1)
SPACE = ParameterSpace(ORACLES["O-11"][0].space.parameters)


def skewed(x: torch.Tensor) -> Function:
    """A location and log scale fit to x `(N,)`, non-linear in both: S is far from a parabola."""
    return Function(
        SPACE, lambda t: -torch.log1p(((x - t[:, :1]) * (-t[:, 1:]).exp()).square()) - t[:, 1:]
    )


@pytest.fixture
def x() -> torch.Tensor:
    return (
        torch.from_numpy(np.random.default_rng(61).standard_cauchy(60))
        .clamp(-8, 8)
        .requires_grad_()
    )


def jacobian(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """d theta / d x `(D, N)`."""
    return torch.stack([torch.autograd.grad(t, x, retain_graph=True)[0] for t in theta])


def test_the_implicit_gradient_is_that_of_moving_the_data(x):
    """d theta_hat / d x against central differences of the maximiser itself."""
    s = skewed(x)
    found = jacobian(implicit(s, maximise(s)), x)
    for i in (0, 17, 41):
        step = 1e-4 * torch.eye(60, dtype=torch.float64)[i]
        moved = [maximise(skewed(x.detach() + sign * step)).theta_hat for sign in (1, -1)]
        assert torch.allclose(found[:, i], (moved[0] - moved[1]) / 2e-4, rtol=1e-4, atol=1e-8)


def test_the_unrolled_gradient_tends_to_the_implicit_one(x):
    """Relative error below 1e-3 from some T on, and falling: the steps contract towards theta_hat."""
    s = skewed(x)
    fit = maximise(s)
    exact = jacobian(implicit(s, fit), x)
    errors = [
        float((jacobian(unrolled(s, fit, t), x) - exact).norm() / exact.norm()) for t in (2, 6, 18)
    ]
    print("relative error of the unrolled gradient after 2, 6, 18 steps:", errors)
    assert errors[0] > errors[1] > errors[2] and errors[2] < 1e-3
    assert torch.allclose(unrolled(s, fit, 18), fit.theta_hat, atol=1e-4)


def test_as_a_module_both_forms_give_theta_hat(x):
    theta_hat = maximise(skewed(x)).theta_hat
    assert torch.allclose(Argmax()(skewed(x)), theta_hat, atol=1e-9)
    assert torch.allclose(Argmax(unroll=18)(skewed(x)), theta_hat, atol=1e-4)


def test_gradients_reach_the_weight_of_a_term():
    """d theta_hat / d w of a weighted modality against closed form: two Gaussians, theta_hat = (w x + y) / (w + 1)."""
    first, second = (
        m.scalar({"x": np.array([v])})
        for m, v in zip(views_of_one_systematic(2, tau=0.0), (1.0, 3.0), strict=True)
    )
    w = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    s = Scaled(first, w) + second + Constraint(first.space["eta"])
    theta_hat = implicit(s, maximise(s))
    (slope,) = torch.autograd.grad(theta_hat[0], w)
    assert theta_hat[0].item() == pytest.approx((0.7 + 3) / 1.7) and float(slope) == pytest.approx(
        (1 - 3) / 1.7**2
    )


@pytest.mark.parametrize("oracle", [Poisson(), Cauchy(), Bernoulli()])
def test_influence_is_the_derivative_with_respect_to_weights(oracle):
    term = oracle.scalar(oracle.observe([0.7], 40, np.random.default_rng(62)))
    w = torch.ones(40, dtype=torch.float64, requires_grad=True)
    weighted = Scaled(term, w)
    fit = maximise(weighted)
    assert torch.allclose(
        influence(term, fit).observations[term.name],
        jacobian(implicit(weighted, fit), w).T,
        atol=1e-10,
    )


def test_leaving_out_an_observation_moves_theta_hat_by_minus_its_influence():
    """To second order: at N = 400 within 2 % of the largest move."""
    columns = Cauchy().observe([0.5], 400, np.random.default_rng(63))
    fit = maximise(Cauchy().scalar(columns))
    pull = influence(Cauchy().scalar(columns), fit).observations["cauchy"][:, 0]
    for i in (int(pull.argmax()), int(pull.argmin()), 7):
        rest = maximise(Cauchy().scalar({"x": np.delete(columns["x"], i)}))
        assert float(rest.theta_hat[0] - fit.theta_hat[0]) == pytest.approx(
            -float(pull[i]), abs=0.02 * float(pull.abs().max())
        )


def test_influences_add_over_shards_and_modalities_and_sum_to_zero():
    views, rng = views_of_one_systematic(2, tau=0.6, s=0.5), np.random.default_rng(64)
    shards = [views[0].scalar(views[0].observe([0.4, 0.3], n, rng)) for n in (5, 9)]
    s = sum(
        [
            *shards,
            views[1].scalar(views[1].observe([0.4, 0.3], 7, rng)),
            Constraint(views[0].space["eta"]),
        ]
    )
    fit = maximise(s)
    found = influence(s, fit)
    assert found.observations["view_0"].shape == (14, 2) and found.shards["view_0"].shape == (2, 2)
    assert torch.allclose(found.shards["view_0"][1], found.observations["view_0"][5:].sum(dim=0))
    assert torch.allclose(found.modalities["view_0"], found.shards["view_0"].sum(dim=0))
    assert torch.allclose(sum(found.modalities.values()), torch.zeros(2).double(), atol=1e-8)


def test_a_maximum_at_a_bound_or_on_a_ridge_has_no_derivative():
    ridge = ORACLES["O-11"][0].scalar({"x": np.array([0.3, 0.5])})
    with pytest.raises(NotInterior, match="theta_1, theta_2 lies along a direction"):
        implicit(ridge, maximise(ridge))
    edge = Poisson().scalar({"x": np.zeros(5)})
    with pytest.raises(NotInterior, match="theta lies at a bound"):
        influence(edge, maximise(edge))
