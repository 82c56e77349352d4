"""Trust, at full size: what the tests of calibration assert on a small scale, measured.

    planted   a score bias of 0.05: coverage of nominal 68 % intervals against N, without and with local calibration
    gate      how often the independence gate fires on 2000 pairs that share an effect of size tau
    accuracy  learned flows at N = 10^4: mean squared error over the exact MLE's, before and after local calibration
    sets      coverage of Wilks' and of Neyman's sets of those flows, 12 000 data sets to learn from and 8000 to audit

`python -m benchmarks.trust [--quick]`: about forty minutes on one core, four minutes with a tenth of the pseudo-experiments.
"""

import sys
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import chi2, norm

from addend.calibration.bands import binomial
from addend.calibration.coverage import ONE_SIGMA, TWO_SIGMA
from addend.calibration.independence import Pairs, check_independence
from addend.calibration.local import ROUNDS, LocalMoments, locate, scatter
from addend.calibration.neyman import Audit, Draws, learn
from addend.heads import Flow, Head
from addend.sobol import BLOCK, Deviates, twice
from addend.training import Rows, Training, fit

from .record import table, write
from .tasks import TASKS, Exact, Task

LEVELS = (ONE_SIGMA, TWO_SIGMA)
N = 10_000
TRIALS = {10: 4000, 100: 4000, 400: 2000, 1000: 1000, 10_000: 100}


def run(quick: bool = False) -> None:
    """Print the four tables and keep their rows."""
    less, rng = 10 if quick else 1, np.random.default_rng(0)
    found = {
        "planted": planted({n: count // less for n, count in TRIALS.items()}, rng),
        "gate": gate(1000 // less, rng),
    }
    encoders = [train(name, rng) for name in (("scale",) if quick else ("scale", "gamma"))]
    found["accuracy"] = [accuracy(encoder, 800 // less, rng) for encoder in encoders]
    found["sets"] = [
        row for encoder in encoders for row in sets(encoder, 12_000 // less, 8000 // less, rng)
    ]
    for name, rows in found.items():
        print(f"\n{name}\n{table(rows)}")
    write("trust", quick, [{"table": name, **row} for name, rows in found.items() for row in rows])


def planted(trials: dict[int, int], rng: np.random.Generator, bias: float = 0.05) -> list[dict]:
    """x ~ N(theta, 1) and a psi of score x - theta + b, whose trust size is 400."""
    rows = []
    for n, count in trials.items():
        hats = rng.standard_normal(count) / np.sqrt(n) + bias
        corrected = np.array([_corrected(hat, n, bias, rng) for hat in hats])
        held = int((np.abs(corrected[:, 0]) <= 1 / np.sqrt(n)).sum())
        exact = norm.cdf(1 - bias * np.sqrt(n)) - norm.cdf(-1 - bias * np.sqrt(n))
        rows.append({
            "N": n, "expected": float(exact), "plain": float((np.abs(hats) <= 1 / np.sqrt(n)).mean()),
            **_share("corrected", held, count), "own width": float((np.abs(corrected[:, 0]) <= corrected[:, 1]).mean()),
        })  # fmt: skip
    return rows


def gate(trials: int, rng: np.random.Generator, n: int = 2000) -> list[dict]:
    """Pairs of x = theta + eta + noise, eta ~ N(0, tau^2) shared by the two of a pair."""
    rows = []
    for tau, count in ((0.0, trials), (0.25, trials // 4), (0.35, trials // 4), (0.5, trials // 4)):
        fired = 0
        for _ in range(count):
            theta, eta = rng.uniform(-2, 2, (n, 1)), tau * rng.standard_normal((n, 1))
            fired += check_independence(
                Pairs(("a", "b"), theta, *(theta + eta + rng.standard_normal((2, n, 1)))), rng
            ).fires
        rows.append({"tau": tau, **_share("fires", fired, count)})
    return rows


@dataclass
class Learned:
    """psi of a task on phi in [-1, 1]^D: a head, learned or exact, in double precision."""

    task: Task
    head: Head
    rng: np.random.Generator

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        return tuple(f"phi_{d}" for d in range(self.task.coordinates))

    def draw(self, phi: np.ndarray, n: int) -> torch.Tensor:
        """z `(T, n, Z)` at phi `(T, D)`."""
        z = self.task.draw(torch.as_tensor(np.repeat(phi, n, axis=0)), self.rng)
        return z.reshape(len(phi), n, -1)

    def sums(self, z: torch.Tensor, phi: torch.Tensor) -> torch.Tensor:
        """S `(T,)` of data sets z `(T, n, Z)` at phi `(T, D)`."""
        return self.head(z, z[..., :0], phi[:, None]).sum(dim=-1)

    def score(self, z: torch.Tensor, phi: np.ndarray) -> np.ndarray:
        """grad psi `(n, D)` of each z `(n, Z)` at one phi `(D,)`."""
        return (
            torch.func.jacfwd(lambda at: self.head(z, z[..., :0], at[None]))(torch.as_tensor(phi))
            .detach()
            .numpy()
        )

    def maximise(
        self, z: torch.Tensor, start: np.ndarray, steps: int = 6
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """phi_hat `(T, D)`, max S `(T,)` and -Hessian `(T, D, D)`, by Newton from `start`."""
        phi = torch.as_tensor(start).clone()
        for _ in range(steps):
            phi = phi.detach().requires_grad_(True)
            g = torch.autograd.grad(self.sums(z, phi).sum(), phi, create_graph=True)[0]
            H = -torch.stack(
                [
                    torch.autograd.grad(g[:, d].sum(), phi, retain_graph=True)[0]
                    for d in range(phi.shape[1])
                ],
                dim=1,
            )
            phi = phi + torch.linalg.solve(H, g).clamp(-0.1, 0.1)
        with torch.no_grad():
            return phi.detach().numpy(), self.sums(z, phi).numpy(), H.detach().numpy()


def train(
    name: str, rng: np.random.Generator, simulations: int = 500_000, steps: int = 3000
) -> Learned:
    """A flow trained on a task, in half a minute or so."""
    task, plain = TASKS[name], {"link": "identity", "error": None, "present": None}
    even = Deviates.sequence([int(rng.integers(2**31))], simulations // 2)
    phi = torch.from_numpy(twice(even.uniform(-1, 1, (simulations // 2, task.coordinates))))
    z = task.draw(phi, even.mirrored()).float()
    torch.manual_seed(0)
    head = Flow([plain] * task.observables, 0, task.coordinates, [], components=6)
    fit(
        head,
        Rows(z, z[:, :0], phi.float(), BLOCK),
        Training(0, (200, steps, steps), (512, 1024, 4096), (3e-3, 5e-3, 3e-3)),
    )
    return Learned(task, head.double(), rng)


def accuracy(learned: Learned, trials: int, rng: np.random.Generator) -> dict:
    """Squared errors in the exact MLE's own covariance, relative to the exact MLE's."""
    exact, errors = Learned(learned.task, Exact(learned.task.name), rng), []
    for phi in rng.uniform(-0.7, 0.7, (trials, learned.task.coordinates)):
        z = learned.draw(phi[None], N)
        (best,), _, (H,) = exact.maximise(z, phi[None])
        (hat,), _, (own,) = learned.maximise(z, phi[None])
        found = (best, hat, _local(learned, hat, np.linalg.inv(own), rng))
        errors.append([(at - phi) @ H @ (at - phi) for at in found])
    best, plain, corrected = np.mean(errors, axis=0)
    noise = np.std(np.diff(errors, axis=1).cumsum(axis=1)[:, 1]) / np.sqrt(trials) / best
    return {
        "task": learned.task.name,
        "N": N,
        "plain": plain / best,
        "corrected": corrected / best,
        "+-": noise,
        "of": trials,
    }


def sets(learned: Learned, teach: int, audit: int, rng: np.random.Generator) -> list[dict]:
    """Wilks' and Neyman's sets, audited on data sets of their own."""
    D, rows = learned.task.coordinates, []
    phi = rng.uniform(-0.9, 0.9, (teach + audit, D))
    t = np.concatenate([_t(learned, some) for some in np.array_split(phi, max(1, len(phi) // 20))])
    learnt = learn(
        Draws(learned.names, phi[:teach], t[:teach]), LEVELS, degree=2 if teach > 1000 else 1
    )
    phi, t = phi[teach:], t[teach:]
    for method, inside in (
        ("Wilks", t[:, None] <= chi2.ppf(LEVELS, D)),
        ("Neyman", learnt.inside(phi, t)),
    ):
        found = Audit.measure(learned.names, phi, inside, LEVELS, [-0.9] * D, [0.9] * D)
        one, two = (
            _share(word, int(k), audit)
            for word, k in zip(("at .683", "at .954"), inside.sum(axis=0), strict=True)
        )
        rows.append(
            {
                "task": learned.task.name,
                "sets": method,
                **one,
                **two,
                "slices off": len(found.failing(0.01)),
            }
        )
    return rows


def _corrected(hat: float, n: int, bias: float, rng: np.random.Generator) -> tuple[float, float]:
    centre = hat
    for times, spread in ROUNDS:
        theta = scatter([centre], [[1 / n]], times * n, rng, [-1e3], [1e3], spread)
        score = theta - hat + bias + rng.standard_normal(theta.shape)
        term = LocalMoments.measure(("theta",), [centre], theta, score).term(n)
        found = locate(("theta",), np.array([hat]), [centre], [term])
        centre = float(found.theta[0])
    return centre, float(np.sqrt(found.covariance[0, 0]))


def _local(
    learned: Learned, hat: np.ndarray, covariance: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    centre, edge = hat, np.ones(len(hat))
    for times, spread in ROUNDS:
        phi = scatter(centre, covariance, times * N, rng, -edge, edge, spread)
        z = learned.task.draw(torch.as_tensor(phi), rng)
        term = LocalMoments.measure(learned.names, centre, phi, learned.score(z, hat)).term(N)
        centre = locate(learned.names, hat, centre, [term]).theta
    return centre


def _t(learned: Learned, phi: np.ndarray) -> np.ndarray:
    z = learned.draw(phi, N)
    best = learned.maximise(z, phi)[1]
    with torch.no_grad():
        return 2 * (best - learned.sums(z, torch.as_tensor(phi)).numpy())


def _share(word: str, k: int, n: int) -> dict:
    low, high = binomial(k, n)
    return {word: k / n, f"{word}, band": f"{low:.3f}-{high:.3f}", f"{word}, of": n}


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("--quick" in sys.argv)
