"""The benchmarks on a small scale, and that their page says what they measured."""

import pytest
import torch
from torch.distributions import MultivariateNormal

from benchmarks import efficiency, page, slcp
from benchmarks.tasks import TASKS


@pytest.mark.slow
def test_learned_maxima_are_near_the_exact_ones_and_a_distilled_one_near_its_teachers():
    """A twentieth of the training and of the simulations of the full run, at a tenth of its N. Every draw is fixed by a seed."""
    torch.set_num_threads(1)
    rows = {(r["method"], r["N"]): r for r in efficiency._task(TASKS["scale"], quick=True)}
    for (method, n), row in rows.items():
        print(method, n, {k: round(v, 4) for k, v in row.items() if isinstance(v, float)})
    assert rows["flow", 1000]["bias"] < 0.2 and rows["flow", 1000]["added"] < 0.01
    assert (
        rows["exponential", 1000]["bias beyond teacher"] < 0.03
        and rows["exponential", 1000]["added beyond teacher"] < 0.001
    )
    assert rows["ratio", 100]["bias"] < 0.5 and rows["ratio", 100]["added"] < 0.1


def test_a_planted_bias_shows_in_the_comparison():
    """psi of scale tilted by 0.05 of a standard error of one observation: half a standard error at N = 100."""
    task = TASKS["scale"]
    truth, z = efficiency.experiments(task, 2, 10, 100)
    exact = efficiency.Psi(
        efficiency.Exact("scale"), torch.zeros(()), torch.ones(()), torch.float64
    )
    information = efficiency.information(task, truth[::10])
    tilt = 0.05 * float(information.mean()) ** 0.5
    control = efficiency.estimate(exact, z, truth, truth)
    tilted = efficiency.estimate(
        lambda x, phi: exact(x, phi) + 100 * tilt * phi[:, 0], z, truth, truth
    )
    whitening = torch.linalg.cholesky(100 * information).repeat_interleave(10, 0)
    assert abs(efficiency.compare(tilted, control, whitening, 10)["bias"] - 0.5) < 0.1


def test_the_exact_likelihood_of_slcp_is_the_normal_one():
    generator = torch.Generator().manual_seed(0)
    theta = 3 * (2 * torch.rand(6, 5, generator=generator, dtype=torch.float64) - 1)
    x = slcp.simulate(theta, generator)[0]
    for at, found in zip(theta, slcp.exact(x, theta), strict=True):
        s, rho = at[2:4] ** 2, torch.tanh(at[4])
        covariance = torch.stack([s[0] ** 2, rho * s[0] * s[1], rho * s[0] * s[1], s[1] ** 2]).view(
            2, 2
        )
        log_p = MultivariateNormal(at[:2], covariance).log_prob(x)
        assert torch.allclose(found - found[0], log_p - log_p[0])


def test_the_page_of_measured_figures_is_that_of_the_last_runs():
    assert page.PAGE.read_text() == page.render()
