r"""Statistical efficiency: the maximum of a learned S against the maximum of the exact S, on the same data.

At thetas spread over the inner four fifths of the box, data sets of N = 10^4 observations and their first 10^2 and 10^3:

    bias       mean over data sets of L^T (theta_hat - exact theta_hat), N I(theta) = L L^T: in standard errors of the
               exact estimator, for every theta and coordinate; the table gives the mean of |bias| and its largest
    added      the variance of that difference, over the 1 of the exact estimator
    covered    how often 2 [S(theta_hat) - S(theta)] stays below the 68.27 % and 95.45 % quantiles of chi^2

A flow, a ratio and the exponential head distilled from the flow. The simulations of the flow and of the ratio are the
same 10^6, each from a point of its own of a Sobol' sequence (`addend.sobol`), without mirror images. One recipe for all
tasks, but for the flow's mixtures: eight Gaussians where they bend one density, two where there are several.
"""

import numpy as np
import torch
from scipy.stats import chi2
from torch import Tensor

from addend.heads import Flow
from addend.heads.distil import distil
from addend.heads.ratio import Ratio
from addend.sobol import Deviates
from addend.training import Rows, Training, fit

from .estimation import Psi, estimate
from .record import cpu, read, table, write
from .tasks import TASKS, Exact, Task

LEVELS = {"68": 0.6827, "95": 0.9545}
METHODS = ("flow", "ratio", "exponential")
SIZES = (100, 1_000, 10_000)
BLOCK = 512
STEPS = {
    "flow": ((6000, 1000, 12000), (1024, 512, 2048), (1e-2, 3e-3, 3e-3)),
    "ratio": ((13000,), (4096,), (5e-3,)),
}
FEW = {"components": 8, "shape": (48, 48)}
MANY = {"components": 2, "shape": (24, 24)}
DISTILLED_FROM = 100_000
NODES, FEATURES = {1: 33, 2: 25}, {1: 48, 2: 32}


def run(quick: bool, tasks=None, methods=None) -> None:
    """Print the table and keep it; with `tasks` or `methods`, those lines of it are renewed."""
    for name in tasks or TASKS:
        found = _task(TASKS[name], quick, methods or METHODS)
        renewed = {(row["task"], row["method"]) for row in found}
        kept = (read("efficiency", quick) or {"rows": []})["rows"]
        rows = [*(row for row in kept if (row["task"], row["method"]) not in renewed), *found]
        rows.sort(
            key=lambda row: (list(TASKS).index(row["task"]), row["N"], METHODS.index(row["method"]))
        )
        print(table(rows), flush=True)
        print(f"kept in {write('efficiency', quick, rows)}\n", flush=True)


def _task(task: Task, quick: bool, wanted=METHODS) -> list[dict]:
    thetas, sets, n = (4, 5, 60_000) if quick else (12, 20, 1_000_000)
    sizes = SIZES[:2] if quick else SIZES
    rows, centre, scale = simulate(task, n)
    methods, seconds = train(task, rows, centre, scale, 0.05 if quick else 1.0, wanted)
    truth, z = experiments(task, thetas, sets, sizes[-1])
    exact = Psi(Exact(task.name), torch.zeros(()), torch.ones(()), torch.float64)
    found = []
    for size in sizes:
        control = estimate(exact, z[:, :size], truth, truth)
        whitening = torch.linalg.cholesky(
            size * information(task, truth[::sets])
        ).repeat_interleave(sets, 0)
        learned = {
            method: estimate(psi, z[:, :size], truth, control[0]) for method, psi in methods.items()
        }
        for method, estimates in learned.items():
            numbers = compare(estimates, control, whitening, sets)
            beyond = (
                compare(estimates, learned["flow"], whitening, sets)
                if method == "exponential"
                else {}
            )
            more = {f"{k} beyond teacher": beyond.get(k) for k in ("bias", "added")}
            found.append(
                {
                    "task": task.name,
                    "method": method,
                    "cpu s": seconds[method],
                    "N": size,
                    **numbers,
                    **more,
                }
            )
    return found


def simulate(task: Task, n: int, seed: int = 1) -> tuple[Rows, Tensor, Tensor]:
    """n draws with phi uniform in its cube, standardised, and the mean and deviation of z."""
    rng = Deviates.sequence([seed], n)
    phi = torch.from_numpy(rng.uniform(-1, 1, (n, task.coordinates)))
    z = task.draw(phi, rng)
    centre, scale = z.mean(0), z.std(0)
    return (
        Rows(((z - centre) / scale).float(), torch.zeros(n, 0), phi.float(), BLOCK),
        centre,
        scale,
    )


def train(
    task: Task, rows: Rows, centre: Tensor, scale: Tensor, share: float, wanted
) -> tuple[dict[str, Psi], dict[str, float]]:
    """The heads that are wanted and the CPU seconds that each took; an exponential takes a flow for its teacher."""
    torch.manual_seed(1)
    observable = {"link": "identity", "error": None, "present": None}
    widths = {k: _recipe(task)[k] for k in ("components", "shape")}
    heads = {"flow": Flow([observable] * task.observables, 0, task.coordinates, [], **widths)}
    heads["ratio"] = Ratio(task.observables, 0, task.coordinates, "nre_c", candidates=4)
    wanted, seconds = {*wanted, *(["flow"] if "exponential" in wanted else [])}, {}
    for kind in (kind for kind in heads if kind in wanted):
        steps, batch, rate = STEPS[kind]
        with cpu() as clock:
            fit(
                heads[kind],
                rows,
                Training(1, tuple(max(1, int(share * s)) for s in steps), batch, rate),
            )
        seconds[kind] = clock.seconds
    if "exponential" in wanted:
        with cpu() as clock:
            pool = next(
                rows.batches(
                    int(DISTILLED_FROM * min(1, 4 * share)), torch.Generator().manual_seed(1)
                )
            )
            pool = pool[torch.randperm(len(pool))]
            options = {
                "features": FEATURES[task.coordinates],
                "steps": int(8000 * min(1, 4 * share)),
            }
            grid = [NODES[task.coordinates]] * task.coordinates
            heads["exponential"] = distil(
                heads["flow"], rows.z[pool], rows.e[pool], grid, **options
            )
        seconds["exponential"] = clock.seconds
    precision = {"exponential": torch.float64}
    return {
        kind: Psi(heads[kind], centre, scale, precision.get(kind, torch.float32))
        for kind in METHODS
        if kind in seconds
    }, seconds


def _recipe(task: Task) -> dict:
    return FEW if task.observables == 1 else MANY


def experiments(
    task: Task, thetas: int, sets: int, size: int, seed: int = 2
) -> tuple[Tensor, Tensor]:
    """phi `(thetas * sets, K)`, repeated for each set, and their data z `(thetas * sets, size, Z)`."""
    sobol = (
        torch.quasirandom.SobolEngine(task.coordinates, scramble=True, seed=seed)
        .draw(thetas)
        .double()
    )
    truth = (0.8 * (2 * sobol - 1)).repeat_interleave(sets, 0)
    z = task.draw(truth.repeat_interleave(size, 0), np.random.default_rng(seed))
    return truth, z.view(len(truth), size, -1)


def information(task: Task, phi: Tensor, draws: int = 100_000) -> Tensor:
    """Fisher information about phi `(T, K, K)` of one observation, the mean square of the exact score."""
    found = []
    for at in phi:
        points = at.expand(draws, -1).clone().requires_grad_(True)
        z = task.draw(points.detach(), np.random.default_rng(3))
        score = torch.autograd.grad(task.log_prob(z, task.theta(points)).sum(), points)[0]
        found.append(score.T @ score / draws)
    return torch.stack(found)


def compare(learned, control, whitening: Tensor, sets: int) -> dict:
    """The numbers of one row of the table."""
    apart = ((learned[0] - control[0])[:, None] @ whitening)[:, 0].view(
        -1, sets, learned[0].shape[1]
    )
    bias, noise = apart.mean(1), apart.std(1) / sets**0.5
    numbers = {
        "bias": float(bias.abs().mean()),
        "worst": float(bias.abs().max()),
        "noise": float(noise.mean()),
    }
    numbers["added"] = float(apart.var(1).mean())
    for name, level in LEVELS.items():
        inside = [
            (t < chi2.ppf(level, learned[0].shape[1])).double() for t in (learned[1], control[1])
        ]
        numbers |= {
            f"covered {name}": float(inside[0].mean()),
            f"exact {name}": float(inside[1].mean()),
        }
    return numbers
