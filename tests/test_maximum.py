"""theta_hat: all modes, bounds of the support, ridges, discrete theta, and the documented limits.

Statistical assertions use fixed seeds that were not chosen; each states the chance that a correct program fails it.
"""

import itertools
import json

import numpy as np
import pytest
import torch

from addend.errors import BadSetting, NotFinite
from addend.maximum import enumerate_models, maximise
from addend.parameters import Parameter, ParameterSpace
from addend.scalar import Fixed, Function, Zero
from addend.testing.oracles import ORACLES, Linear, Square, Step, Uniform

torch.set_num_threads(1)


def cube(d: int, half: float = 5.0) -> ParameterSpace:
    """d parameters a, b, ... within +- half."""
    return ParameterSpace(
        tuple(Parameter("abcdef"[i], "1", "a number", -half, half) for i in range(d))
    )


def parabola(centre, curvature, space: ParameterSpace) -> Function:
    """-(theta - centre)^T H (theta - centre) / 2."""
    m, h = (
        torch.as_tensor(centre, dtype=torch.float64),
        torch.as_tensor(curvature, dtype=torch.float64),
    )
    return Function(space, lambda t: -0.5 * torch.einsum("ja,ab,jb->j", t - m, h, t - m))


def positive(d: int, seed: int) -> np.ndarray:
    """A random positive definite matrix `(d, d)` with correlations."""
    a = np.random.default_rng(seed).standard_normal((d, d))
    return a @ a.T + 0.5 * np.eye(d)


@pytest.mark.parametrize("d", [1, 2, 3, 6])
def test_a_parabola_is_solved_exactly(d):
    h, centre = positive(d, d), np.linspace(-0.7, 0.9, d)
    fit = maximise(parabola(centre, h, cube(d)))
    assert fit.regular and np.allclose(fit.theta_hat, centre, atol=1e-8)
    assert (
        np.allclose(fit.covariance, np.linalg.inv(h), rtol=1e-8)
        and fit.identified == fit.space.names
        and fit.rank == d
    )


def test_the_seed_does_not_matter_but_is_obeyed():
    s = parabola([0.2, 0.1, -0.4], positive(3, 0), cube(3))
    fits = [maximise(s, seed) for seed in (0, 0, 1)]
    assert torch.equal(fits[0].theta_hat, fits[1].theta_hat) and torch.allclose(
        fits[0].theta_hat, fits[2].theta_hat, atol=1e-8
    )


def test_a_curved_valley_is_followed_to_its_end():
    """Rosenbrock's valley in four dimensions, which also has a local maximum 3.7 nats below."""
    s = Function(
        cube(4, 3.0),
        lambda t: -(100 * (t[:, 1:] - t[:, :-1] ** 2) ** 2 + (1 - t[:, :-1]) ** 2).sum(dim=1),
    )
    fit = maximise(s)
    assert torch.allclose(fit.theta_hat, torch.ones(4).double(), atol=1e-6)
    assert (
        len(fit.modes) == 2
        and fit.modes[1].value == pytest.approx(-3.70, abs=0.01)
        and fit.modes[1].theta[0] < 0
    )


def test_a_maximum_outside_ends_on_the_face_and_is_flagged():
    """With correlation, the other parameter moves to its conditional maximum on the face."""
    h = np.array([[100.0, -95.0], [-95.0, 100.0]])
    fit = maximise(parabola([2.0, 0.3], h, cube(2, 1.0)))
    assert fit.at_boundary == ("a",) and fit.theta_hat.tolist() == pytest.approx([1.0, 0.3 - 0.95])
    assert not fit.regular and fit.identified == ("b",) and float(fit.std[1]) == pytest.approx(0.1)


def test_a_maximum_in_a_corner():
    fit = maximise(parabola([9.0, -9.0, 0.0], np.eye(3), cube(3)))
    assert fit.at_boundary == ("a", "b") and fit.theta_hat.tolist() == pytest.approx(
        [5.0, -5.0, 0.0], abs=1e-9
    )


def test_a_ridge_is_one_mode_with_a_null_space():
    """S depends on a b alone, as BAO distances do on H0 rd: neither is identified, and c is."""
    bounds = {"a": (50, 90), "b": (100, 200), "c": (0, 1)}
    space = ParameterSpace(tuple(Parameter(n, "1", n, *b) for n, b in bounds.items()))
    s = Function(
        space,
        lambda t: (
            -0.5 * ((t[:, 0] * t[:, 1] / 10154 - 1) / 0.007) ** 2
            - 0.5 * ((t[:, 2] - 0.3) / 0.01) ** 2
        ),
    )
    fit = maximise(s)
    assert (
        len(fit.modes) == 1
        and fit.identified == ("c",)
        and fit.rank == 2
        and fit.null_space.shape == (1, 3)
    )
    assert float(fit.theta_hat[0] * fit.theta_hat[1]) == pytest.approx(10154, rel=1e-6)
    assert fit.std[:2].isinf().all() and float(fit.std[2]) == pytest.approx(0.01)


def test_a_flat_parameter_is_not_identified():
    fit = maximise(parabola([0.5], [[4.0]], cube(1)).on(cube(2)))
    assert (
        fit.identified == ("a",) and len(fit.modes) == 1 and float(fit.std[0]) == pytest.approx(0.5)
    )


def test_the_fit_is_plain_json():
    fit = maximise(parabola([0.5], [[4.0]], cube(1)).on(cube(2)))
    told = json.loads(json.dumps(fit.as_dict(), allow_nan=False))
    assert (
        told["theta_hat"]["a"] == pytest.approx(0.5)
        and told["std"]["b"] is None
        and told["identified"] == ["a"]
    )


def test_a_thousand_evaluations_are_enough():
    for d in (1, 2, 3, 5):
        assert maximise(parabola(np.full(d, 0.3), positive(d, 3), cube(d))).evaluations < 2000


def test_nothing_to_maximise_is_refused():
    with pytest.raises(BadSetting, match="no parameters"):
        maximise(Zero() + Zero())


def test_a_nan_is_loud():
    bad = Function(cube(1), lambda t: (t[:, 0] - 1).log())
    with pytest.raises(NotFinite, match="S is not a finite number at a = "):
        maximise(bad)
    with pytest.raises(NotFinite, match="minus infinity wherever"):
        maximise(Function(cube(1), lambda t: -1 / torch.zeros_like(t[:, 0])))


def test_both_modes_of_the_square_are_reported():
    """O-7 at theta = 1 with 100 observations and 3 weak ones: theta_hat and its mirror image, within six nats."""
    rng, weak = np.random.default_rng(31), ORACLES["O-7"][1]
    fit = maximise(
        Square().scalar(Square().observe([1.0], 100, rng))
        + weak.scalar(weak.observe([1.0], 3, rng))
    )
    near, far = (float(m.theta[0]) for m in sorted(fit.modes, key=lambda m: -m.theta[0]))
    assert (
        len(fit.modes) == 2
        and near == pytest.approx(-far, abs=0.02)
        and near == pytest.approx(1.0, abs=0.3)
    )
    assert not fit.regular and fit.modes[0].value - fit.modes[1].value < 6


def test_enough_weak_observations_leave_one_mode():
    """At 1,000 weak ones the modes differ by about 55 nats, and the mirror image is gone."""
    rng, weak = np.random.default_rng(32), ORACLES["O-7"][1]
    fit = maximise(
        Square().scalar(Square().observe([1.0], 100, rng))
        + weak.scalar(weak.observe([1.0], 1000, rng))
    )
    assert len(fit.modes) == 1 and fit.theta_hat[0] > 0


def test_discrete_theta_needs_no_gradient():
    """O-10: argmax by enumeration, softmax with log prior, under no_grad; N = 100 at sigma = 2 errs with chance 0.012."""
    m = Step()
    with torch.no_grad():
        s = m.scalar(m.observe([5.0], 100, np.random.default_rng(33)))
        flat, biased = (
            enumerate_models(s, ["k"], range(8), p) for p in (None, -1e4 * (np.arange(8) == 5))
        )
    exact = torch.stack([s([float(k)]) for k in range(8)])
    assert (
        flat.best == 5
        and torch.allclose(flat.probability, exact.softmax(dim=0))
        and biased.best in (4, 6)
    )


def test_mixed_theta_is_enumerated_and_optimised():
    """A discrete sign and a continuous shift: S_k is the maximum over the shift."""
    space = ParameterSpace((Parameter("k", "1", "an index", 0.0, 2.0), *cube(1)))
    s = Function(space, lambda t: -0.5 * (t[:, 1] - t[:, 0]) ** 2 - t[:, 0])
    found = enumerate_models(s, ["k"], [0, 1, 2])
    assert found.value.tolist() == pytest.approx([0.0, -1.0, -2.0]) and found.best == 0
    assert [float(f.theta_hat[0]) for f in found.fits] == pytest.approx([0.0, 1.0, 2.0], abs=1e-8)


def test_the_uniform_has_no_regular_maximum():
    """O-12: S jumps at max x; the ascent comes close from above, and says that it has not converged."""
    x = Uniform().observe([3.0], 50, np.random.default_rng(34))
    fit = maximise(Uniform().scalar(x))
    assert not fit.converged and not fit.regular
    assert 0 <= float(fit.theta_hat[0]) - x["x"].max() < 0.1


def complementary(n: int = 40) -> list:
    """O-11: each modality's term."""
    rng = np.random.default_rng(35)
    return [m.scalar(m.observe([0.5, -0.8], n, rng)) for m in ORACLES["O-11"]]


def test_complementary_modalities_identify_theta_together_alone_neither():
    terms = complementary()
    for term in terms:
        alone = maximise(term)
        assert alone.identified == () and alone.rank == 1 and len(alone.modes) == 1
    both = maximise(sum(terms))
    assert (
        both.regular
        and both.identified == ("theta_1", "theta_2")
        and float(both.std[0]) == pytest.approx((1 / 80) ** 0.5)
    )


def test_every_subset_of_modalities_is_the_exact_likelihood_of_that_subset():
    third = Linear("first", ORACLES["O-11"][0].space.parameters, [1.0, 0.0], 0.5)
    terms = [*complementary(), third.scalar({"x": np.array([0.4, 0.7])})]
    total = sum(terms)
    theta = torch.from_numpy(total.space.draw(6, np.random.default_rng(0)))
    for size in range(1, 4):
        for subset in itertools.combinations(range(3), size):
            part = total.only([terms[i].name for i in subset])
            assert torch.allclose(part(theta), sum(terms[i](theta) for i in subset), rtol=1e-12)
    assert torch.equal(
        total.only(["plus", "first"])(theta), Fixed(total.without("minus"), {})(theta)
    )
