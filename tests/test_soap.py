"""The optimiser of g_m: Adam where there is nothing to turn, and far ahead of it where the loss couples the weights."""

import numpy as np
import torch
from torch.nn import Parameter

from addend.numerics.schedules import cosine
from addend.numerics.soap import Soap

torch.set_num_threads(1)


def test_vectors_are_moved_by_adam():
    start = torch.linspace(-1, 2, 7)
    ours, theirs = Parameter(start.clone()), Parameter(start.clone())
    soap, adam = Soap([ours], 0.1, (0.9, 0.99)), torch.optim.Adam([theirs], 0.1, (0.9, 0.99))
    for k in range(30):
        for w in (ours, theirs):
            w.grad = 2 * w.detach() + k % 3
        soap.step()
        adam.step()
    assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_matrix_whose_basis_does_not_turn_is_moved_by_adam():
    """With one entry of the gradient at a time the covariances are diagonal, and so are their eigenvectors."""
    ours, theirs = (Parameter(torch.zeros(3, 3)) for _ in range(2))
    soap, adam = Soap([ours], 0.1, (0.9, 0.99)), torch.optim.Adam([theirs], 0.1, (0.9, 0.99))
    for k in range(40):
        for w in (ours, theirs):
            w.grad = torch.diag(torch.tensor([1.0, 2.0, 3.0]) - w.detach().diagonal()).neg() * (
                1 + k % 2
            )
        soap.step()
        adam.step()
    assert torch.allclose(ours.abs(), theirs.abs(), rtol=1e-4, atol=1e-5)


def valley(seed: int):
    """|A (W - W0) B|^2 with condition numbers of a hundred on either side, in a basis that is not that of W."""
    rng = np.random.default_rng(seed)
    turn = [np.linalg.qr(rng.standard_normal((12, 12)))[0] for _ in range(2)]
    a, b = (torch.from_numpy(q @ np.diag(np.geomspace(0.01, 1, 12)) @ q.T).float() for q in turn)
    top = torch.from_numpy(rng.standard_normal((12, 12))).float()
    return lambda w: (a @ (w - top) @ b).square().sum()


def descended(loss, optimiser, w: Parameter, steps: int, rate: float, move) -> float:
    for k in range(steps):
        w.grad = None
        loss(w).backward()
        move(optimiser, cosine(rate, k, steps))
        optimiser.step()
    return float(loss(w.detach()))


def test_a_valley_that_is_turned_is_no_longer_one():
    def ours(o, rate):
        o.rate = rate

    def theirs(o, rate):
        o.param_groups[0]["lr"] = rate

    for seed in range(3):
        loss, (a, b) = valley(seed), (Parameter(torch.zeros(12, 12)) for _ in range(2))
        soap = descended(loss, Soap([a], 0.03), a, 1500, 0.03, ours)
        adam = torch.optim.Adam([b], 0.03, (0.95, 0.95))
        left = descended(loss, adam, b, 1500, 0.03, theirs)
        print(f"seed {seed}: {soap:.2g} beside {left:.2g} of Adam")
        assert soap < 1e-3 * left


def test_the_same_start_gives_the_same_bits_and_large_sides_are_left_as_they_are():
    ends = []
    for _ in range(2):
        torch.manual_seed(0)
        w = Parameter(torch.randn(4, 600))
        soap = Soap([w], 0.01)
        for k in range(25):
            w.grad = torch.sin(w.detach() * (k + 1))
            soap.step()
        ends.append(w.detach())
    assert torch.equal(*ends) and soap.matrices[0].sides[1] is None
