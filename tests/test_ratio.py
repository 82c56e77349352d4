"""The classifier family: what its losses are minimal at, and what its products are."""

import numpy as np
import pytest
import torch

from addend.calibration import Normalisation
from addend.errors import BadSetting, EmptyTable
from addend.heads.corrected import correct
from addend.heads.ratio import OBJECTIVES, Ratio, _cycle, _followers, binary, info_nce, nre_c

SIGMA = 0.7


def gaussian(n, generator):
    """theta ~ U(-1, 1), a covariate e ~ N(0, 1), x ~ N(theta + e, SIGMA^2)."""
    phi = 2 * torch.rand(n, 1, generator=generator, dtype=torch.float64) - 1
    e = torch.randn(n, 1, generator=generator, dtype=torch.float64)
    return phi + e + SIGMA * torch.randn(n, 1, generator=generator, dtype=torch.float64), e, phi


class Exact(Ratio):
    """log p(x | theta, e) / p_0(x | e) in closed form, plus `step` times a perturbation."""

    def __init__(self, objective, candidates, perturbation=None):
        super().__init__(1, 1, 1, objective, candidates)
        self.perturbation, self.step = (
            perturbation,
            torch.tensor(0.0, dtype=torch.float64, requires_grad=True),
        )

    def observed(self, z, e):
        return torch.cat([z, e], -1)

    def theta(self, phi):
        return phi

    def join(self, a, phi):
        z, e, normal = a[..., :1], a[..., 1:], torch.distributions.Normal(0.0, 1.0)
        r = (z - e)[..., 0]
        p_0 = (normal.cdf((r + 1) / SIGMA) - normal.cdf((r - 1) / SIGMA)) / 2
        psi = normal.log_prob((r - phi[..., 0]) / SIGMA) - p_0.log() - torch.tensor(SIGMA).log()
        return (
            psi
            if self.perturbation is None
            else psi + self.step * self.perturbation(z[..., 0], e[..., 0], phi[..., 0])
        )

    def outer(self, z, e, phi):
        return self(z[None], e[None], phi[:, None])


PERTURBATIONS = {
    "theta": lambda z, e, phi: phi,
    "theta squared": lambda z, e, phi: phi**2,
    "x theta": lambda z, e, phi: z * phi,
    "e theta": lambda z, e, phi: e * phi,
    "x": lambda z, e, phi: torch.tanh(z),
}


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("perturbation", PERTURBATIONS)
def test_every_objective_is_stationary_at_the_exact_ratio(objective, perturbation):
    """The derivative of the loss along a perturbation is zero: 4.9 standard errors, a false alarm of 1e-6 in each of 20."""
    generator = torch.Generator().manual_seed(1)
    head = Exact(objective, 4, PERTURBATIONS[perturbation])
    slopes = torch.stack(
        [
            torch.autograd.grad(head.loss(*gaussian(500, generator), generator), head.step)[0]
            for _ in range(100)
        ]
    )
    error = slopes.std() / 10 + 1e-15
    print(f"{objective}, {perturbation}: slope {slopes.mean():.2e} +- {error:.1e}")
    assert slopes.mean().abs() < 4.9 * error


@pytest.mark.parametrize("perturbation", ["theta", "theta squared", "x theta", "e theta"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_rises_away_from_the_exact_ratio(objective, perturbation):
    generator = torch.Generator().manual_seed(2)
    head, batch = Exact(objective, 4, PERTURBATIONS[perturbation]), gaussian(20000, generator)
    slope = torch.autograd.grad(head.loss(*batch, generator), head.step, create_graph=True)[0]
    assert torch.autograd.grad(slope, head.step)[0] > 0


def test_info_nce_leaves_a_function_of_x_free_and_the_others_do_not():
    generator = torch.Generator().manual_seed(3)
    curvature = {}
    for objective in OBJECTIVES:
        head = Exact(objective, 4, PERTURBATIONS["x"])
        slope = torch.autograd.grad(
            head.loss(*gaussian(2000, generator), generator), head.step, create_graph=True
        )[0]
        curvature[objective] = float(torch.autograd.grad(slope, head.step)[0])
    assert abs(curvature.pop("info_nce")) < 1e-12 and min(curvature.values()) > 0.01


def test_nre_c_joins_the_binary_loss_to_info_nce():
    """One candidate at even odds is half the binary loss; at long odds it is InfoNCE over the same candidates."""
    joint, product = torch.randn(50, dtype=torch.float64), torch.randn(50, 6, dtype=torch.float64)
    assert torch.allclose(nre_c(joint, product[:, :1]), binary(joint, product[:, :1]) / 2)
    assert torch.allclose(
        nre_c(joint, product, gamma=1e9), info_nce(joint, product[:, :-1]), atol=1e-6
    )


def rows_and_products(phi, candidates):
    """Row numbers `(B,)` as a loss takes them and those of their products `(B, K)`."""
    order, cycle = _cycle(phi, torch.Generator().manual_seed(0))
    return order, torch.stack(_followers(order, cycle, candidates), 1)


@pytest.mark.parametrize(("batch", "candidates"), [(2, 1), (10, 4), (10, 9), (5, 99)])
def test_products_hold_every_theta_equally_often_and_never_its_own(batch, candidates):
    order, rows = rows_and_products(torch.arange(batch)[:, None], candidates)
    assert rows.shape == (batch, min(candidates, batch - 1)) and sorted(order.tolist()) == list(
        range(batch)
    )
    assert (rows.flatten().bincount(minlength=batch) == rows.shape[1]).all()
    assert (rows != order[:, None]).all()
    assert all(len(set(row.tolist())) == rows.shape[1] for row in rows)


def test_a_draw_is_never_paired_with_the_theta_of_its_pair():
    phi = torch.randn(50, 2).repeat_interleave(2, 0)
    order, rows = rows_and_products(phi, 49)
    assert (phi[rows] != phi[order][:, None]).any(-1).all() and sorted(order.tolist()) == list(
        range(100)
    )
    assert (rows.flatten().bincount() == 49).all()


@pytest.mark.parametrize("pairs", [1, 2])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_loss_is_that_of_the_pairs_evaluated_one_by_one(objective, pairs):
    torch.manual_seed(0)
    head = Ratio(1, 1, 2, objective, candidates=3, hidden=(8,), factors=4, units=4).double()
    torch.nn.init.normal_(head.last.weight), torch.nn.init.normal_(head.direct.weight)
    z, e, phi = (
        torch.randn(40, 1).double(),
        torch.randn(40, 1).double(),
        torch.randn(40 // pairs, 2).double(),
    )
    phi = phi.repeat_interleave(pairs, 0)
    order, rows = rows_and_products(phi, 3)
    joint = torch.stack([head(z[i], e[i], phi[i]) for i in order])
    product = torch.stack([head(z[i], e[i], phi[r]) for i, r in zip(order, rows, strict=True)])
    assert torch.allclose(
        head.loss(z, e, phi, torch.Generator().manual_seed(0)),
        OBJECTIVES[objective](joint, product),
    )


def test_the_exact_ratio_is_normalised_and_a_tilt_is_measured_and_corrected():
    """log Z is zero within five standard errors (false alarm 1e-5 over 20 thetas); a tilt comes back as its own size."""
    generator = torch.Generator().manual_seed(4)
    z, e, phi = gaussian(40000, generator)
    grid = torch.linspace(-0.95, 0.95, 20, dtype=torch.float64)[:, None]
    found = normalisation(Exact("binary", 4), z, e, grid)
    assert (np.abs(found.log_z) < 5 * found.error).all() and found.worst(0) < 0.05
    tilted = Tilted(1, 1, 1)
    before = normalisation(tilted, z, e, grid)
    corrected = correct(tilted, z, e, phi[torch.randperm(len(phi), generator=generator)])
    after = normalisation(corrected, *gaussian(40000, generator)[:2], grid)
    print(f"sup |log Z| {before.worst(0):.3f} -> {after.worst(0):.4f}")
    assert np.allclose(before.log_z - found.log_z, 0.4 * grid[:, 0].numpy() ** 2, atol=1e-9)
    assert after.worst(0) < 0.03


def normalisation(head, z, e, phi):
    """The mean of exp(psi) over draws of p_0, at every phi `(J, 1)`."""
    with torch.no_grad():
        return Normalisation.measure(("phi",), phi.numpy(), head.outer(z, e, phi).numpy(), 0.0)


class Tilted(Exact):
    """The exact ratio plus 0.4 theta^2: each observation would add as much to S."""

    def __init__(self, *sizes, **settings):
        super().__init__("binary", 4, PERTURBATIONS["theta squared"])
        self.step = torch.tensor(0.4, dtype=torch.float64)

    def config(self):
        return {"observables": 1, "covariates": 1, "coordinates": 1}


def test_blocks_without_gradients_equal_pairs_with_them():
    torch.manual_seed(0)
    head = Ratio(3, 0, 2, hidden=(8, 8), factors=8, units=4).double()
    torch.nn.init.normal_(head.last.weight), torch.nn.init.normal_(head.direct.weight)
    z, e, phi = (
        torch.randn(700, 3).double(),
        torch.zeros(700, 0).double(),
        torch.randn(5000, 2).double(),
    )
    with torch.no_grad():
        blocks = head.outer(z, e, phi)
    assert torch.allclose(blocks[::500], head.outer(z, e, phi[::500]), atol=1e-12)


@pytest.mark.parametrize(("thetas", "observations"), [(3, 9001), (9001, 3), (70, 0), (0, 70)])
@pytest.mark.parametrize("sizes", [(4, 8), (8, 4), (16, 16)])
def test_blocks_of_any_shape_in_single_precision_equal_pairs_to_its_rounding(
    thetas, observations, sizes
):
    """The mean psi is of order one, and 1e-5 is a hundred roundings of it."""
    torch.manual_seed(0)
    head = Ratio(2, 1, 2, hidden=(8,), factors=sizes[0], units=sizes[1])
    torch.nn.init.normal_(head.last.weight), torch.nn.init.normal_(head.direct.weight)
    z, e, phi = (
        3 * torch.randn(observations, 2),
        torch.randn(observations, 1),
        2 * torch.rand(thetas, 2) - 1,
    )
    with torch.no_grad():
        blocks = head.outer(z, e, phi)
    pairs = head.outer(z, e, phi)
    assert blocks.shape == pairs.shape == (thetas, observations) and pairs.requires_grad
    assert torch.allclose(blocks, pairs, rtol=1e-5, atol=1e-5)


def test_an_unknown_objective_and_a_batch_of_one_are_refused():
    with pytest.raises(BadSetting, match="expected one of binary"):
        Ratio(1, 0, 1, objective="nre_z")
    with pytest.raises(EmptyTable, match="2 or more"):
        Ratio(1, 0, 1).loss(torch.zeros(1, 1), torch.zeros(1, 0), torch.zeros(1, 1))
