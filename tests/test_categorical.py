"""A discrete theta: which model made the data, by any head, by enumeration."""

import pytest
import torch

from addend.heads.categorical import Categorical, indicators, levels
from addend.heads.ratio import Ratio
from addend.training import Rows, Training, fit

MEANS, WIDTHS = torch.tensor([-1.0, 0.0, 0.5]), torch.tensor([1.0, 0.5, 1.5])


def exact(z):
    """log p(z | k) `(3, N)` of the three models."""
    return torch.distributions.Normal(MEANS[:, None], WIDTHS[:, None]).log_prob(z[:, 0])


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    k = torch.randint(0, 3, (20000,))
    z = (MEANS[k] + WIDTHS[k] * torch.randn(20000))[:, None]
    ratio = Ratio(1, 0, 3, "binary", candidates=4, hidden=(32, 32))
    head = Categorical(ratio, column=0, classes=3)
    fit(
        head,
        Rows(z, torch.zeros(20000, 0), levels(3)[k].float()[:, None]),
        Training(0, (600,), (512,), (5e-3,)),
    )
    return head


def test_indicators_are_exact_at_every_index_flat_there_and_add_to_one():
    x = levels(4).requires_grad_(True)
    assert torch.allclose(indicators(x, 4), torch.eye(4, dtype=torch.float64))
    assert (
        torch.autograd.grad((indicators(x, 4) @ torch.arange(4.0).double()).sum(), x)[0].abs().max()
        < 1e-12
    )
    assert torch.allclose(
        indicators(torch.linspace(-1, 1, 99).double(), 4).sum(-1), torch.ones(99).double()
    )


def test_the_probability_of_each_model_is_a_softmax_with_the_log_prior(trained):
    """Mean absolute error of p(k | x) over 2000 observations below 0.03, with a prior of (0.2, 0.3, 0.5)."""
    log_prior = torch.tensor([0.2, 0.3, 0.5]).log()
    z = 2 * torch.randn(2000, 1)
    with torch.no_grad():
        learned = trained.outer(z, torch.zeros(2000, 0), levels(3).float()[:, None])
    p, q = ((psi + log_prior[:, None]).softmax(0) for psi in (learned, exact(z)))
    print(f"mean |p - q| = {(p - q).abs().mean():.4f}")
    assert (p - q).abs().mean() < 0.03


def test_the_sum_picks_the_model_that_made_the_data(trained):
    """Twenty data sets of 50 from each model: the exact sum picks wrongly less than once in 10^4."""
    for k in range(3):
        for _ in range(20):
            z = (MEANS[k] + WIDTHS[k] * torch.randn(50))[:, None]
            assert (
                int(
                    trained.outer(z, torch.zeros(50, 0), levels(3).float()[:, None]).sum(1).argmax()
                )
                == k
            )


def test_an_index_beside_other_parameters_passes_through_to_the_inner_head():
    head = Categorical(Ratio(1, 0, 4, hidden=[8]), column=1, classes=2)
    torch.nn.init.normal_(head.inner.last.weight)
    z, e = torch.randn(5, 1), torch.zeros(5, 0)
    at = head.pairs(z, e, torch.tensor([0.3, 1.0, -0.4]).expand(5, 3))
    assert torch.allclose(at, head.inner(z, e, torch.tensor([0.3, -0.4, 0.0, 1.0]).expand(5, 4)))
