r"""sbibm's task SLCP as a sum: an observation is four independent draws of a vector in R^2, so S has four terms.

    x_i ~ N((theta_1, theta_2), Sigma),   standard deviations theta_3^2 and theta_4^2, correlation tanh theta_5,   i = 1 ... 4

under a uniform prior on [-3, 3]^5 (Lueckmann et al. 2021, arXiv:2101.04653, T.3). One simulator call gives four draws, so
10^4 calls train the flow on 4 x 10^4. The figure of merit is sbibm's: the accuracy of a classifier that tells draws from
the posterior of S from the reference posterior's, 0.5 at best, over the task's ten observations.

The sum uses that the likelihood factorises and that its four factors are alike. The methods of sbibm's table (NLE 0.771
and 0.699 at 10^4 and 10^5 calls) were not told so: this measures what the factorisation is worth, not a better network.
"""

import numpy as np
import torch
from torch import Tensor

from addend.heads import Flow
from addend.parameters import Parameter, ParameterSpace
from addend.posterior import sample
from addend.scalar import Function
from addend.training import Rows, Training, fit

from .record import cpu, table, write

SPACE = ParameterSpace(tuple(Parameter(f"theta_{k}", "1", f"parameter {k} of SLCP", -3.0, 3.0) for k in range(1, 6)))
DRAWS = 10_000
STEPS = {10_000: (1000, 1000, 4000), 100_000: (1000, 2000, 20000)}


def run(quick: bool) -> None:
    """Print the table and keep it."""
    try:
        from sbibm import get_task
    except ImportError:
        print("sbibm is not installed here: SLCP was not run (see benchmarks/requirements.txt)")
        return
    task = get_task("slcp")
    numbers = range(1, 2 if quick else 11)
    rows = []
    for calls, head in [(None, None)] + [(calls, calls) for calls in ([10_000] if quick else STEPS)]:
        with cpu() as clock:
            psi = exact if head is None else learned(calls)
        scores = [_score(task, psi, number) for number in numbers]
        rows.append({
            "psi": "exact" if calls is None else "flow", "calls": calls, "cpu s": clock.seconds, "observations": len(scores),
            "mean C2ST": float(np.mean(scores)), "worst": max(scores), "wanted": {10_000: "<= 0.65", 100_000: "<= 0.58"}.get(calls),
        })  # fmt: skip
        print(table(rows), flush=True)
    print(f"kept in {write('slcp', quick, rows, note=__doc__)}\n")


def simulate(theta: Tensor, generator: torch.Generator) -> Tensor:
    """Four draws x `(N, 4, 2)` at each theta `(N, 5)`."""
    u, v = torch.randn(2, len(theta), 4, generator=generator)
    first, second, rho = theta[:, 2:3] ** 2, theta[:, 3:4] ** 2, torch.tanh(theta[:, 4:5])
    return torch.stack([theta[:, 0:1] + first * u, theta[:, 1:2] + second * (rho * u + torch.sqrt(1 - rho**2) * v)], -1)


def exact(x: Tensor, theta: Tensor) -> Tensor:
    """log p `(J, 4)` of the four draws x `(4, 2)` at each theta `(J, 5)`, up to a constant, in nats."""
    first, second, rho = theta[:, 2:3] ** 2, theta[:, 3:4] ** 2, torch.tanh(theta[:, 4:5])
    u, v = (x[:, 0] - theta[:, 0:1]) / first, (x[:, 1] - theta[:, 1:2]) / second
    free = 1 - rho**2
    return -0.5 * (u**2 - 2 * rho * u * v + v**2) / free - first.log() - second.log() - 0.5 * free.log()


def learned(calls: int, seed: int = 1):
    """psi of a flow trained on `calls` simulator calls, as `exact`."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    phi = 2 * torch.rand(calls, 5, generator=generator) - 1
    x = simulate(3 * phi, generator).flatten(0, 1)
    centre, scale = x.mean(0), x.std(0)
    flow = Flow([{"link": "identity", "error": None, "present": None}] * 2, 0, 5, [])
    rows = Rows((x - centre) / scale, torch.zeros(len(x), 0), phi.repeat_interleave(4, 0))
    fit(flow, rows, Training(seed, STEPS[calls], (1024,) * 3, (3e-3, 3e-3, 2e-3)))
    flow.requires_grad_(False)

    def psi(x: Tensor, theta: Tensor) -> Tensor:
        z = (x.float() - centre) / scale
        return flow.outer(z, z[:, :0], theta.float() / 3).double()

    return psi


def _score(task, psi, number: int) -> float:
    """The classifier's accuracy on one of the task's observations."""
    x = task.get_observation(number).view(4, 2).double()
    posterior = sample(Function(SPACE, lambda theta: psi(x, theta), n=4), seed=number, ess=DRAWS, budget=1_500_000)
    ours = posterior.samples[np.linspace(0, len(posterior.samples) - 1, DRAWS).astype(int)]
    print(posterior.reached, posterior.ess, posterior.evaluations)
    return c2st(task.get_reference_posterior_samples(number).numpy()[:DRAWS], ours)


def c2st(a: np.ndarray, b: np.ndarray, folds: int = 5, seed: int = 1) -> float:
    """Cross-validated accuracy of a network with two layers of 10 D units, after standardising by the first sample."""
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    a, b = (a - a.mean(0)) / a.std(0), (b - a.mean(0)) / a.std(0)
    network = MLPClassifier(hidden_layer_sizes=(10 * a.shape[1],) * 2, max_iter=1000, random_state=seed)
    labels = np.r_[np.zeros(len(a)), np.ones(len(b))]
    return float(cross_val_score(network, np.r_[a, b], labels, cv=KFold(folds, shuffle=True, random_state=seed)).mean())
