"""Gradients without Hessians, the Hessian as gradients mend it, and what an ascent then costs."""

import numpy as np
import pytest
import torch

from addend.fusion.repeated import Repeated
from addend.maximum import Marginal, Profiled, maximise
from addend.maximum.newton import ascend, mend
from addend.parameters import Parameter, ParameterSpace
from addend.scalar import Fixed, Function, Lazy, Scaled, Sum
from addend.testing.oracles import ORACLES

torch.set_num_threads(1)


def plane(*names: str, half: float = 3.0) -> ParameterSpace:
    """Parameters within +- half."""
    return ParameterSpace(tuple(Parameter(n, "1", "a number", -half, half) for n in names))


def bent(theta: torch.Tensor) -> torch.Tensor:
    """A hill `(J,)` whose curvature changes, with its top at the ones."""
    away = theta - 1
    return -(torch.cosh(0.5 * away).sum(1) + 0.3 * (away.prod(1)).square() + away.sum(1).square())


def line() -> Lazy:
    plus = ORACLES["O-11"][0]
    return plus.scalar(plus.observe([0.4, 0.2], 40, np.random.default_rng(5)))


class Waves:
    """A psi that is no parabola in theta."""

    name, space = "waves", plane("a", "b")

    def aligned(self, z, e, theta):
        return -((z[..., 0] - torch.sin(theta[..., 0]) - e[..., 0] * theta[..., 1].square()) ** 2)


def repeated() -> Repeated:
    rng = np.random.default_rng(6)
    z, e = (torch.from_numpy(rng.standard_normal(shape)) for shape in ((3, 40, 1), (1, 40, 1)))
    return Repeated(Waves(), z, e)


HILL = Function(plane("a", "b"), bent, name="hill")
OFFSET = Scaled(HILL, 0.7, lambda t: 0.1 * t[:, 0].square())
SCALARS = {
    "closed": lambda: HILL,
    "scaled": lambda: OFFSET,
    "weighted": lambda: Scaled(line(), torch.linspace(0.1, 1.0, 40).double()),
    "fixed": lambda: Fixed(OFFSET, {"a": 0.3}),
    "lazy": line,
    "lazy in chunks": lambda: Lazy.embedded(line().encoder, line().z, line().e, pairs=24),
    "repeated": repeated,
    "sum": lambda: Sum([HILL, OFFSET.named("other"), line()]),
    "profiled": lambda: Profiled(HILL, ["b"], maximise(HILL)),
    "integrated": lambda: Marginal(HILL, ["b"], maximise(HILL)),
}


@pytest.mark.parametrize("kind", SCALARS)
def test_a_slope_is_the_beginning_of_a_jet(kind):
    scalar = SCALARS[kind]()
    u = torch.tensor([[0.35, 0.6, 0.4, 0.7], [0.5, 0.45, 0.55, 0.3], [0.62, 0.4, 0.7, 0.52]])
    theta = torch.as_tensor(scalar.space.from_unit(u[:, : len(scalar.space)].double().numpy()))
    value, gradient = scalar.slope(theta)
    jet = scalar.jet(theta)
    assert not value.requires_grad and not gradient.requires_grad
    assert torch.allclose(value, jet.value, rtol=1e-12, atol=1e-12)
    assert torch.allclose(gradient, jet.gradient, rtol=1e-9, atol=1e-9)


def test_as_many_steps_as_dimensions_tell_the_hessian_of_a_parabola():
    rng = np.random.default_rng(1)
    D = 5
    truth = torch.from_numpy(rng.standard_normal((3, D, D)))
    truth = truth + truth.mT
    found = torch.zeros(3, D, D, dtype=torch.float64)
    for step in torch.from_numpy(rng.standard_normal((D, 3, D))):
        found = mend(found, step, (truth @ step[:, :, None])[:, :, 0])
    assert torch.allclose(found, truth, atol=1e-6)
    told = mend(truth, step, (truth @ step[:, :, None])[:, :, 0])
    assert torch.equal(told, truth), "what was known already has changed"


def test_an_ascent_ends_with_the_hessian_of_its_end_whatever_it_was_told_at_first():
    for hessian in (None, torch.eye(2).double().expand(64, 2, 2), torch.zeros(64, 2, 2).double()):
        starts = torch.from_numpy(np.random.default_rng(2).uniform(-3, 3, (64, 2)))
        top = ascend(HILL, starts, hessian=hessian)
        assert top.converged.all() and torch.allclose(top.theta, torch.ones(2).double(), atol=1e-7)
        assert torch.allclose(top.jet.hessian, HILL.jet(top.theta).hessian, rtol=1e-10)


def test_an_ascent_asks_for_few_hessians():
    asked = {"jet": 0, "slope": 0}

    class Counted(Function):
        def jet(self, theta):
            asked["jet"] += len(theta)
            return super().jet(theta)

        def slope(self, theta):
            asked["slope"] += len(theta)
            return super().slope(theta)

    hill = Counted(plane("a", "b"), bent)
    starts = torch.from_numpy(np.random.default_rng(3).uniform(-1, 3, (100, 2)))
    ascend(hill, starts)
    assert asked["jet"] <= 4 * len(starts), asked
    known = HILL.jet(torch.ones(100, 2).double()).hessian
    asked.update(jet=0)
    top = ascend(hill, starts, hessian=known, curved=False)
    assert asked["jet"] <= len(starts) and top.converged.all(), asked
    assert (HILL.values(torch.ones(1, 2).double()) - top.jet.value).max() < 1e-8
