r"""Time of training: the same network to the same held-out log-likelihood, by sbi's loop and by `addend.training.fit`.

An observation is a pair of draws from the Gamma law at one theta. The network is one that sbi builds, wrapped as a head
without a change: its masked autoregressive flow, then its neural spline flow. sbi trains it by its defaults until its own
early stop; its mean log-likelihood on held-out draws is the target. The loop here is then given ever more steps, 200,
300, 450 ..., from the same initial weights, until a run reaches the target. Counted are CPU seconds of that run, and of
the whole ladder up to it, on one thread. The flow of `addend.heads` is timed to the same target beside them.
"""

import copy
import warnings

import numpy as np
import torch

from addend.heads import Flow, Head
from addend.training import Rows, Training, fit

from .record import cpu, table, write
from .tasks import TASKS

LADDER = [int(200 * 1.5**k) for k in range(14)]
TASK, MODELS = "gamma", ("maf", "nsf")


class Borrowed(Head):
    """A conditional density estimator of sbi, as a head."""

    kind, normalised = "borrowed", True

    def __init__(self, estimator):
        super().__init__()
        self.estimator = estimator

    def forward(self, z, e, phi):
        """log q `(N,)` in nats."""
        return self.estimator.log_prob(z[None], condition=phi)[0]

    def loss(self, z, e, phi, generator=None):
        """Mean of -log q."""
        return -self(z, e, phi).mean()

    def config(self) -> dict:
        """It is not rebuilt."""
        return {}


def run(quick: bool) -> None:
    """Print the table and keep it."""
    try:
        import sbi  # noqa: F401
    except ImportError:
        print(
            "sbi is not installed here: nothing to compare with (see benchmarks/requirements.txt)"
        )
        return
    n = 10_000 if quick else 100_000
    rows, held_out = _pairs(n)
    found = []
    for model in MODELS:
        found += _compare(model, rows, held_out)
        print(table(found), flush=True)
    print(
        f"kept in {write('training', quick, found, task=TASK, simulations=n, wanted='times >= 3 for the same network')}\n"
    )


def _pairs(n: int) -> tuple[Rows, Rows]:
    """n draws to train on and 40,000 held out, standardised alike."""
    rng, parts = np.random.default_rng(1), []
    for size in (n, 40_000):
        phi = torch.from_numpy(rng.uniform(-1, 1, (size, 2)))
        parts.append((torch.cat([TASKS[TASK].draw(phi, rng) for _ in range(2)], 1), phi))
    centre, scale = parts[0][0].mean(0), parts[0][0].std(0)
    return tuple(
        Rows(((z - centre) / scale).float(), torch.zeros(len(z), 0), phi.float())
        for z, phi in parts
    )


def _compare(model: str, rows: Rows, held_out: Rows) -> list[dict]:
    """The rows of one of sbi's networks."""
    from sbi.inference import NLE
    from sbi.neural_nets import likelihood_nn

    torch.manual_seed(0)
    initial = likelihood_nn(model=model)(rows.phi, rows.z)
    with cpu() as clock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = NLE(density_estimator=lambda *_: copy.deepcopy(initial), show_progress_bars=False)
        theirs = Borrowed(trainer.append_simulations(rows.phi, rows.z).train())
    target, theirs_s = _score(theirs, held_out), clock.seconds
    found = [
        {
            "training": f"sbi, its {model}",
            "cpu s": theirs_s,
            "ladder s": theirs_s,
            "held-out nats": target,
            "times": 1.0,
        }
    ]
    flow = Flow([{"link": "identity", "error": None, "present": None}] * 2, 0, 2, [])
    for name, head, steps in (
        (f"addend, sbi's {model}", Borrowed(initial), _one),
        ("addend, its flow", flow, _three),
    ):
        found.append({"training": name, **_climb(head, rows, held_out, target, steps, theirs_s)})
    return found


def _climb(head: Head, rows: Rows, held_out: Rows, target: float, settings, theirs: float) -> dict:
    """The first rung of the ladder that reaches the target."""
    ladder = 0.0
    for steps in LADDER:
        trained = copy.deepcopy(head)
        with cpu() as clock:
            fit(trained, rows, settings(steps))
        ladder, score = ladder + clock.seconds, _score(trained, held_out)
        if score >= target:
            break
    return {
        "cpu s": clock.seconds,
        "ladder s": ladder,
        "held-out nats": score,
        "times": theirs / clock.seconds if score >= target else None,
    }


def _one(steps: int) -> Training:
    return Training(1, (steps,), (512,), (5e-3,))


def _three(steps: int) -> Training:
    return Training(1, (steps // 8, steps // 8, steps), (512, 512, 512), (3e-3, 3e-3, 3e-3))


def _score(head: Head, rows: Rows) -> float:
    """Mean log-likelihood of held-out draws, in nats."""
    head.eval()
    with torch.no_grad():
        return float(head(rows.z, rows.e, rows.phi).double().mean())
