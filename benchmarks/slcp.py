r"""sbibm's task SLCP as a sum: an observation is four independent draws of a vector in R^2, so S has four terms.

    x_i ~ N((theta_1, theta_2), Sigma),   standard deviations theta_3^2 and theta_4^2, correlation tanh theta_5,   i = 1 ... 4

under a uniform prior on [-3, 3]^5 (Lueckmann et al. 2021, arXiv:2101.04653, T.3). One simulator call gives four draws, so
10^4 calls train the flow on 4 x 10^4. The figure of merit is sbibm's: the accuracy of a classifier that tells draws from
the posterior of S from the reference posterior's, 0.5 at best, over the task's ten observations.

The flow has deep shapes of one component: of one, two and four, that had the highest likelihood on held-out draws, and depth
is what follows standard deviations that vanish within the box. Draws from the posterior of S are by importance sampling
from mixtures adapted to it, which finds its modes' shares where a Markov chain is slow to.

The sum uses that the likelihood factorises and that its four factors are alike. The methods of sbibm's table (NLE 0.771
and 0.699 at 10^4 and 10^5 calls) were not told so: this measures what the factorisation is worth, not a better network.
"""

import numpy as np
import torch
from torch import Tensor

from addend.heads import Flow
from addend.training import Rows, Training, fit

from .record import cpu, table, write

DRAWS = 10_000
STEPS = {10_000: (500, 500, 12_000), 100_000: (500, 500, 30_000)}


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
    for calls in (None, 10_000) if quick else (None, *STEPS):
        with cpu() as clock:
            psi = exact if calls is None else learned(calls)
        scores = [_score(task, psi, number) for number in numbers]
        rows.append({
            "psi": "exact" if calls is None else "flow", "calls": calls, "cpu s": clock.seconds, "observations": len(scores),
            "mean C2ST": float(np.mean(scores)), "worst": max(scores),
            "wanted": {10_000: "<= 0.65", 100_000: "<= 0.58"}.get(calls),
        })  # fmt: skip
        print(table(rows), flush=True)
    print(f"kept in {write('slcp', quick, rows, note=__doc__)}\n")


def simulate(theta: Tensor, generator: torch.Generator) -> Tensor:
    """Four draws x `(N, 4, 2)` at each theta `(N, 5)`."""
    u, v = torch.randn(2, len(theta), 4, generator=generator)
    first, second, rho = theta[:, 2:3] ** 2, theta[:, 3:4] ** 2, torch.tanh(theta[:, 4:5])
    return torch.stack(
        [
            theta[:, 0:1] + first * u,
            theta[:, 1:2] + second * (rho * u + torch.sqrt(1 - rho**2) * v),
        ],
        -1,
    )


def exact(x: Tensor, theta: Tensor) -> Tensor:
    """log p `(J, 4)` of the four draws x `(4, 2)` at each theta `(J, 5)`, up to a constant, in nats."""
    first, second, rho = theta[:, 2:3] ** 2, theta[:, 3:4] ** 2, torch.tanh(theta[:, 4:5])
    u, v = (x[:, 0] - theta[:, 0:1]) / first, (x[:, 1] - theta[:, 1:2]) / second
    free = 1 - rho**2
    return (
        -0.5 * (u**2 - 2 * rho * u * v + v**2) / free
        - first.log()
        - second.log()
        - 0.5 * free.log()
    )


def learned(calls: int, seed: int = 1):
    """psi of a flow trained on `calls` simulator calls, as `exact`."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    phi = 2 * torch.rand(calls, 5, generator=generator) - 1
    x = simulate(3 * phi, generator).flatten(0, 1)
    centre, scale = x.mean(0), x.std(0)
    flow = Flow(
        [{"link": "identity", "error": None, "present": None}] * 2,
        0,
        5,
        [],
        shape=(64,) * 4,
        components=1,
    )
    rows = Rows((x - centre) / scale, torch.zeros(len(x), 0), phi.repeat_interleave(4, 0))
    fit(flow, rows, Training(seed, STEPS[calls], (512,) * 3, (3e-3, 3e-3, 3e-3)))
    flow.requires_grad_(False)

    def psi(x: Tensor, theta: Tensor) -> Tensor:
        z = (x.float() - centre) / scale
        return flow.outer(z, z[:, :0], theta.float() / 3).double()

    return psi


def _score(task, psi, number: int) -> float:
    """The classifier's accuracy on one of the task's observations."""
    x = task.get_observation(number).view(4, 2).double()
    ours = draws(lambda theta: psi(x, theta).sum(1), np.random.default_rng(number))
    return c2st(task.get_reference_posterior_samples(number).numpy()[:DRAWS], ours)


def draws(s, rng: np.random.Generator) -> np.ndarray:
    """DRAWS of the posterior exp S, by population Monte Carlo: a mixture fitted to what the last one drew, then resampling."""
    from sklearn.mixture import GaussianMixture

    theta, log_q = rng.uniform(-3, 3, (400_000, 5)), np.zeros(400_000)
    for n in (50_000, 50_000, 50_000, 400_000):
        chosen = theta[rng.choice(len(theta), 5000, p=_weights(s, theta, log_q))]
        mixture = GaussianMixture(24, reg_covar=1e-3, random_state=1).fit(chosen)
        wide = rng.random(n) < 0.1
        theta = np.where(
            wide[:, None], rng.uniform(-3, 3, (n, 5)), rng.permutation(mixture.sample(n)[0])
        )
        log_q = np.logaddexp(
            np.log(0.9) + mixture.score_samples(theta), np.log(0.1) - 5 * np.log(6)
        )
    return theta[rng.choice(len(theta), DRAWS, p=_weights(s, theta, log_q))]


def _weights(s, theta: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        log_p = torch.cat([s(part) for part in torch.from_numpy(theta).split(20_000)]).numpy()
    log_w = np.where((np.abs(theta) < 3).all(axis=1), log_p - log_q, -np.inf)
    w = np.exp(log_w - log_w.max())
    return w / w.sum()


def c2st(a: np.ndarray, b: np.ndarray, folds: int = 5, seed: int = 1) -> float:
    """Cross-validated accuracy of a network with two layers of 10 D units, after standardising by the first sample."""
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    a, b = (a - a.mean(0)) / a.std(0), (b - a.mean(0)) / a.std(0)
    network = MLPClassifier(
        hidden_layer_sizes=(10 * a.shape[1],) * 2, max_iter=1000, random_state=seed
    )
    labels = np.r_[np.zeros(len(a)), np.ones(len(b))]
    return float(
        cross_val_score(
            network, np.r_[a, b], labels, cv=KFold(folds, shuffle=True, random_state=seed)
        ).mean()
    )
