"""The numerics that several rooms share, each against what it is defined by."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from addend.numerics import chebyshev
from addend.numerics.designs import held_out, lattice, sobol
from addend.numerics.folding import fold, fold_into
from addend.numerics.polynomials import Polynomial, exponents, quadratic
from addend.numerics.quadrature import even, legendre
from addend.numerics.schedules import cosine
from addend.numerics.students import student, student_around


@pytest.mark.parametrize("seed", [None, 0, 7])
@pytest.mark.parametrize("start", [0, 192])
def test_a_sobol_design_puts_one_point_into_every_interval(seed, start):
    points = sobol(5, 64, seed, start)
    assert ((64 * points).long().sort(dim=0).values == torch.arange(64)[:, None]).all()
    assert torch.equal(points, sobol(5, 64 + start, seed)[start:])


def test_held_out_points_are_none_of_a_design():
    assert torch.cdist(held_out(3, 128), sobol(3, 4096, 0)).min() > 0
    assert torch.equal(held_out(3, 128), held_out(3, 128))


def test_a_lattice_is_every_combination():
    axes = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0, 5.0])
    assert lattice(*axes).tolist() == [[a, b] for a in (1, 2) for b in (3, 4, 5)]
    assert lattice(axes[0]).shape == (2, 1)


def test_folding_reflects_at_both_walls():
    u = np.array([0.25, -0.25, 1.25, 2.25, -3.75])
    assert fold(u).tolist() == [0.25, 0.25, 0.75, 0.25, 0.25]
    assert fold_into(np.array([[1.5, 13.0]]), [0, 10], [1, 12]).tolist() == [[0.5, 11.0]]


def test_a_scatter_about_a_wall_keeps_its_density_there():
    """A normal law about the wall becomes a half-normal one; a false alarm in 10^6."""
    drawn = fold_into(np.random.default_rng(1).normal(0, 0.1, 5000), 0.0, 1.0)
    assert stats.kstest(drawn, stats.halfnorm(scale=0.1).cdf).pvalue > 1e-6


@pytest.mark.parametrize("n", [1, 2, 5, 13, 40])
def test_chebyshev_interpolation_is_exact_for_polynomials_of_lower_degree(n):
    a, x = torch.linspace(1, 2, n).double(), torch.linspace(-1, 1, 11).double()
    p = lambda x: chebyshev.polynomials(x, n) @ a  # noqa: E731
    assert torch.allclose(chebyshev.transform(n) @ p(chebyshev.nodes(n)), a, atol=1e-12)
    assert torch.allclose(chebyshev.cardinals(x, n) @ p(chebyshev.nodes(n)), p(x), atol=1e-12)


def test_chebyshev_polynomials_are_cosines():
    x = torch.linspace(-1, 1, 11).double()
    exact = torch.cos(torch.arange(9) * torch.arccos(x)[:, None])
    assert torch.allclose(chebyshev.polynomials(x, 9), exact, atol=1e-13)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_smooth_functions_are_interpolated_between_few_nodes_and_others_asked_everywhere(d):
    """Gaussian logarithms with a cubic, 512 points of a box; the second has a kink."""
    x, asked = 2 + 0.1 * torch.rand(512, d, generator=torch.Generator().manual_seed(1)).double(), []

    def f(x: torch.Tensor, kink: float = 0.0) -> torch.Tensor:
        asked.append(len(x))
        near = 30 * (x - 2.04).sum(1)
        return torch.stack([-0.5 * near**2 + 0.01 * near**3, near.cos() + kink * near.abs()])

    found = chebyshev.between_nodes(f, x, 0.01)
    assert sum(asked) < len(x)
    right = f(x)
    assert float((found - right).abs().max()) < 0.05 and not torch.equal(found, right)
    assert torch.equal(chebyshev.between_nodes(lambda x: f(x, 3.0), x, 1e-6), f(x, 3.0))


def test_both_orders_hold_every_exponent_once_and_degree_by_degree():
    rising, falling = (exponents([4] * 3, 4, falling=f) for f in (False, True))
    assert set(rising) == set(falling) and len(rising) == len(falling) == math.comb(7, 3)
    assert [sum(p) for p in rising] == [sum(p) for p in falling] == sorted(map(sum, rising))
    assert exponents([2, 2], 2, falling=True) == [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]
    assert exponents([1, 2], 2) == [(0, 0), (0, 1), (1, 0), (0, 2), (1, 1)]


def test_a_quadratic_is_one_for_numpy_and_torch():
    z = np.random.default_rng(2).random((4, 3))
    assert np.array_equal(quadratic(z), quadratic(torch.from_numpy(z)).numpy())
    a, b, c = z[0]
    assert quadratic(z)[0].tolist() == [1, a, b, c, a * a, a * b, a * c, b * b, b * c, c * c]


def test_polynomials_and_their_gradients_agree():
    basis, theta = (
        Polynomial((0.0, -1.0, 2.0), (1.0, 3.0, 2.0), 3),
        np.random.default_rng(9).random((4, 3)),
    )
    assert len(basis.powers) == 10
    step = 1e-6
    for d in range(3):
        shift = step * np.eye(3)[d]
        numeric = (basis.features(theta + shift) - basis.features(theta - shift)) / (2 * step)
        assert np.allclose(basis.gradients(theta)[..., d], numeric * (d < 2), atol=1e-7)


def test_an_even_grid_integrates_a_gaussian():
    z = 3 + np.array([2.0, 0.1]) * np.random.default_rng(3).standard_normal((1, 500, 2))
    nodes, log_cell = even(z, 81)
    density = stats.multivariate_normal([3, 3], [[4, 0.12], [0.12, 0.01]]).pdf(nodes[0])
    assert density.sum() * np.exp(log_cell[0]) == pytest.approx(1, abs=1e-9)


def test_legendres_rule_integrates_polynomials():
    x, log_w = legendre(2, 4)
    found = (log_w.exp() * x[:, 0] ** 6 * x[:, 1] ** 4).sum()
    assert float(found) == pytest.approx(2 / 7 * 2 / 5, rel=1e-12)


def test_a_student_proposal_integrates_a_gaussian_to_one():
    """Within 4.5 standard errors of 20,000 weights: a false alarm in 10^5."""
    rng, law = np.random.default_rng(4), stats.multivariate_normal([1, -1], [[1, 0.3], [0.3, 0.5]])
    for x, log_q in (
        student(law.mean, 2 * law.cov, 20_000, rng),
        student_around(law.rvs(500, random_state=rng), 20_000, rng),
    ):
        w = np.exp(law.logpdf(x) - log_q)
        assert abs(w.mean() - 1) < 4.5 * w.std() / np.sqrt(len(w)) and w.max() < 20


def test_a_rate_warms_up_and_falls_to_nearly_nothing():
    rates = [cosine(0.1, s, 1000) for s in range(1000)]
    assert rates[0] == pytest.approx(1e-3) and max(rates) < 0.1 and rates[-1] < 1e-6
    assert np.argmax(rates) == 99 and (np.diff(rates[99:]) < 0).all()
