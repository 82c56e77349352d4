"""Trust, at full size: what the tests of calibration assert on a small scale, measured.

    1  The planted bias b = 0.05: coverage of nominal 68 % intervals against N, without and with local calibration.
    2  Learned flows at N = 10^4: mean squared error over that of the exact MLE, before and after local calibration, and
       coverage of Wilks' and Neyman's sets, audited.
    3  The independence gate: false alarms, and power against tau.

Prints a table each. `python -m benchmarks.trust [--audit]`; the audit takes the numbers of pseudo-experiments that the
statements of accuracy need, tens of minutes on one core, the plain run a tenth of them.
"""

import sys
import time
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import chi2, norm

from addend.calibration.bands import binomial
from addend.calibration.coverage import ONE_SIGMA, TWO_SIGMA
from addend.calibration.independence import Pairs, check_independence
from addend.calibration.local import ROUNDS, LocalMoments, calibrate, design
from addend.calibration.neyman import Audit, Draws, learn
from addend.heads import Flow, Head
from addend.training import Rows, Training, fit
from benchmarks.tasks import TASKS, Exact, Task

LEVELS = (ONE_SIGMA, TWO_SIGMA)
N = 10_000


def planted(trials: dict[int, int], rng: np.random.Generator, bias: float = 0.05) -> None:
    """Part 1: x ~ N(theta, 1), psi with score x - theta + b."""
    print("\nplanted bias 0.05, N* = 400: coverage at nominal 0.683")
    print("      N   exact  plain  corrected  [95 % band]  with its own width")
    for n, count in trials.items():
        found = np.array([_corrected(rng.standard_normal() / np.sqrt(n) + bias, n, bias, rng) for _ in range(count)])
        held = (np.abs(found[:, 0]) <= 1 / np.sqrt(n)).sum()
        low, high = binomial(held, count)
        plain = (np.abs(rng.standard_normal(10**6) / np.sqrt(n) + bias) <= 1 / np.sqrt(n)).mean()
        exact = norm.cdf(1 - bias * np.sqrt(n)) - norm.cdf(-1 - bias * np.sqrt(n))
        own = (np.abs(found[:, 0]) <= found[:, 1]).mean()
        print(f"{n:7d}   {exact:.3f}  {plain:.3f}    {held / count:.3f}    [{low:.3f}, {high:.3f}]      {own:.3f}   of {count}")


def _corrected(hat: float, n: int, bias: float, rng: np.random.Generator) -> tuple[float, float]:
    centre = hat
    for times, spread in ROUNDS:
        theta = design([centre], [[1 / n]], times * n, rng, [-1e3], [1e3], spread)
        score = theta - hat + bias + rng.standard_normal(theta.shape)
        term = LocalMoments.measure(("theta",), [centre], theta, score).term(n)
        found = calibrate(("theta",), np.array([hat]), [centre], [term])
        centre = float(found.theta[0])
    return centre, float(np.sqrt(found.covariance[0, 0]))


@dataclass
class Learned:
    """psi of a task as arrays: a head on phi in [-1, 1]^D, in double precision.

    Arguments:
        task: The simulator.
        head: Learned or exact.
        generator: Of its draws.
    """

    task: Task
    head: Head
    generator: torch.Generator

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        return tuple(f"phi_{d}" for d in range(len(self.task.low)))

    def draw(self, phi: np.ndarray, n: int) -> torch.Tensor:
        """z `(T, n, Z)` at phi `(T, D)`."""
        theta = self.task.theta(torch.as_tensor(phi))
        return self.task.draw(theta[:, None].expand(-1, n, -1).contiguous(), self.generator)

    def sums(self, z: torch.Tensor, phi: torch.Tensor) -> torch.Tensor:
        """S `(T,)` of data sets z `(T, n, Z)` at phi `(T, D)`."""
        return self.head(z, z[..., :0], phi[:, None]).sum(dim=-1)

    def score(self, z: torch.Tensor, phi: np.ndarray) -> np.ndarray:
        """grad psi `(n, D)` of each z `(n, Z)` at one phi `(D,)`."""
        return torch.func.jacfwd(lambda at: self.head(z, z[..., :0], at[None]))(torch.as_tensor(phi)).detach().numpy()

    def maximise(self, z: torch.Tensor, start: np.ndarray, steps: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """phi_hat `(T, D)`, max S `(T,)` and -Hessian `(T, D, D)`, by Newton from `start`."""
        phi = torch.as_tensor(start).clone()
        for _ in range(steps):
            phi = phi.detach().requires_grad_(True)
            g = torch.autograd.grad(self.sums(z, phi).sum(), phi, create_graph=True)[0]
            H = -torch.stack([torch.autograd.grad(g[:, d].sum(), phi, retain_graph=True)[0] for d in range(phi.shape[1])], dim=1)
            phi = phi + torch.linalg.solve(H, g).clamp(-0.1, 0.1)
        with torch.no_grad():
            return phi.numpy(), self.sums(z, phi).numpy(), H.numpy()


def train(name: str, simulations: int = 500_000, steps: int = 3000, seed: int = 0) -> Learned:
    """A flow trained on a task, in half a minute or so."""
    task, generator = TASKS[name], torch.Generator().manual_seed(seed)
    phi = torch.rand(simulations, len(task.low), generator=generator) * 2 - 1
    z = task.draw(task.theta(phi), generator)
    plain = {"link": "identity", "error": None, "present": None}
    torch.manual_seed(seed)
    head = Flow([plain] * task.observables, 0, len(task.low), [], components=6)
    fit(head, Rows(z, z[:, :0], phi), Training(seed, (200, steps, steps), (512, 1024, 4096), (3e-3, 5e-3, 3e-3)))
    return Learned(task, head.double(), generator)


def accuracy(learned: Learned, exact: Learned, trials: int, rng: np.random.Generator) -> None:
    """Part 2a: mean squared errors, relative to the exact MLE's, in its own covariance."""
    errors = {"exact": [], "learned": [], "corrected": []}
    for phi in rng.uniform(-0.7, 0.7, (trials, len(learned.task.low))):
        z = learned.draw(phi[None], N)
        best, _, H = exact.maximise(z, phi[None])
        hat, _, own = learned.maximise(z, phi[None])
        local = _local(learned, hat[0], np.linalg.inv(own[0]), rng)
        for key, at in (("exact", best[0]), ("learned", hat[0]), ("corrected", local)):
            errors[key].append((at - phi) @ H[0] @ (at - phi))
    best, before, after = (np.mean(errors[k]) for k in ("exact", "learned", "corrected"))
    noise = np.std(np.array(errors["corrected"]) - errors["exact"]) / np.sqrt(trials) / best
    ratios = f"{before / best:6.2f} learned, {after / best:5.2f} +- {noise:.2f} corrected"
    print(f"{learned.task.name:9s} MSE / MLE's at N = {N}: {ratios}, of {trials}")


def _local(learned: Learned, hat: np.ndarray, covariance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    centre = hat
    for times, spread in ROUNDS:
        phi = design(centre, covariance, times * N, rng, -np.ones(len(hat)), np.ones(len(hat)), spread)
        z = learned.task.draw(learned.task.theta(torch.as_tensor(phi)), learned.generator)
        term = LocalMoments.measure(learned.names, centre, phi, learned.score(z, hat)).term(N)
        centre = calibrate(learned.names, hat, centre, [term]).theta
    return centre


def coverage(learned: Learned, teach: int, audit: int, rng: np.random.Generator, degree: int) -> None:
    """Part 2b: Wilks' and Neyman's sets of a learned psi at N observations."""
    names, D = learned.names, len(learned.names)
    phi = rng.uniform(-0.9, 0.9, (teach + audit, D))
    t = np.concatenate([_t(learned, some) for some in np.array_split(phi, max(1, len(phi) // 20))])
    sets = learn(Draws(names, phi[:teach], t[:teach]), LEVELS, degree)
    phi, t = phi[teach:], t[teach:]
    box = (-0.9 * np.ones(D), 0.9 * np.ones(D))
    for word, inside in (("Wilks", t[:, None] <= chi2.ppf(LEVELS, D)), ("Neyman", sets.inside(phi, t))):
        found = Audit.measure(names, phi, inside, LEVELS, *box)
        low, high = found.band()
        shown = ", ".join(f"{c:.3f} [{a:.3f}, {b:.3f}]" for c, a, b in zip(found.coverage, low, high, strict=True))
        print(f"{learned.task.name:9s} {word:6s} at .683 and .954: {shown}, of {audit}; {len(found.failing(0.01))} slices off")


def _t(learned: Learned, phi: np.ndarray) -> np.ndarray:
    z = learned.draw(phi, N)
    best = learned.maximise(z, phi)[1]
    with torch.no_grad():
        return 2 * (best - learned.sums(z, torch.as_tensor(phi)).numpy())


def gate(trials: int, rng: np.random.Generator, n: int = 2000) -> None:
    """Part 3: how often the gate fires on n pairs of x = theta + eta + noise."""
    print(f"\nindependence gate at a false-alarm rate of 5 %, {n} pairs")
    for tau, count in ((0.0, trials), (0.25, trials // 4), (0.35, trials // 4), (0.5, trials // 4)):
        fired = 0
        for _ in range(count):
            theta, eta = rng.uniform(-2, 2, (n, 1)), tau * rng.standard_normal((n, 1))
            fired += check_independence(Pairs(("a", "b"), theta, *(theta + eta + rng.standard_normal((2, n, 1)))), rng).fires
        low, high = binomial(fired, count)
        print(f"  tau = {tau:4.2f}: fires {fired:4d} of {count:4d} = {fired / count:.3f} [{low:.3f}, {high:.3f}]")


def main(audit: bool = False) -> None:
    """Everything, one tenth of the pseudo-experiments unless `audit`."""
    torch.set_num_threads(1)
    rng, more = np.random.default_rng(0), 10 if audit else 1
    planted({10: 400 * more, 100: 400 * more, 400: 200 * more, 1000: 100 * more, 10_000: 10 * more}, rng)
    gate(100 * more, rng)
    print("\nlearned flows")
    for name in ("scale", "gamma", "cauchy", "gaussian") if audit else ("scale", "gamma"):
        start = time.process_time()
        learned = train(name)
        print(f"{name:9s} trained in {time.process_time() - start:.0f} CPU s")
        exact = Learned(learned.task, Exact(name), learned.generator)
        accuracy(learned, exact, 10 * more, rng)
        coverage(learned, 400 * more, 200 * more, rng, degree=2 if audit else 1)


if __name__ == "__main__":
    main("--audit" in sys.argv)
