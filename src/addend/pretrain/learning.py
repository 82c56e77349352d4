"""The training of f_m: batches from a stream, one cosine, held-out loss, and a checkpoint to go on from.

Every step's batch and random numbers follow from the seed and the number of the step, so that a training which was killed
and goes on from its checkpoint ends with the same bits as one that was left alone.
"""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..checkpoint import Checkpoint, at_sigterm
from ..errors import NotFinite
from ..numerics.schedules import cosine
from ..numerics.states import copied, moments, named, resume, under
from ..rows import History
from ..streams import Batch, Stream
from .objective import Objective

LOOKS = 50
"""How often the held-out loss is looked at."""
BETAS, CLIP = (0.9, 0.99), 5.0
Report = Callable[[int, float], None]


@dataclass(frozen=True)
class Plan:
    """How f_m is trained.

    Arguments:
        seed: Of the weights, the order of rows and every draw of the loss.
        steps, batch, rate: Steps, rows of each, and the peak learning rate.
        device: Where: "cpu" or "cuda".
        of: What it is a training of, in a word that differs where simulations or settings do: no other is gone on with.
    """

    seed: int
    steps: int
    batch: int
    rate: float
    device: str = "cpu"
    of: str = ""


def learn(
    objective: Objective,
    inputs: nn.Module,
    stream: Stream,
    plan: Plan,
    checkpoint: Path | None = None,
    report: Report = lambda step, loss: None,
) -> History:
    """Train `objective` in place; it keeps the weights at which the held-out loss was least.

    Raises:
        NotFinite: The loss is no number.
    """
    objective.to(plan.device).train()
    inputs.to(plan.device)
    state = State(objective, plan, checkpoint)
    state.resume()
    held, every = _on(stream.held(), plan.device), max(1, plan.steps // LOOKS)
    batches = stream.batches(plan.batch, plan.seed, state.step)
    with at_sigterm() as asked_to_stop:
        for step in range(state.step, plan.steps):
            loss = _descend(objective, inputs, _on(next(batches), plan.device), state, plan, step)
            state.step = step + 1
            if state.step % every == 0 or state.step == plan.steps:
                state.look(_loss(objective, inputs, held, plan.seed, 0), loss)
                report(state.step, loss)
            if asked_to_stop():
                state.write()
                raise SystemExit(128 + signal.SIGTERM)
            state.write_now_and_then()
    state.choose()
    objective.cpu().eval()
    inputs.cpu()
    return state.history


def _descend(
    objective: Objective, inputs: nn.Module, batch: Batch, state: "State", plan: Plan, step: int
) -> float:
    for group in state.adam.param_groups:
        group["lr"] = cosine(plan.rate, step, plan.steps)
    loss = _loss(objective, inputs, batch, plan.seed, step + 1, train=True)
    state.adam.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(objective.parameters(), CLIP)
    state.adam.step()
    if not torch.isfinite(loss):
        raise NotFinite(
            f"the loss of f_m is {float(loss)} at step {step + 1}",
            "lower pretrain.rate, or look for odd rows among the simulations",
        )
    return float(loss.detach())


def _loss(
    objective: Objective, inputs: nn.Module, batch: Batch, seed: int, step: int, train: bool = False
) -> Tensor:
    x, c, phi = batch
    generator = torch.Generator(x.device).manual_seed(seed * 1_000_003 + step)
    with torch.set_grad_enabled(train):
        seen, known = inputs(x, c)
        return objective.loss(seen, known, phi, generator)


def _on(batch: Batch, device: str) -> Batch:
    x, c, phi = (part.to(device) for part in batch)
    return x, c, phi


class State:
    """Weights, Adam's moments, the best weights so far and the history: what a training goes on from.

    Arguments:
        objective: What is trained.
        plan: Of the training.
        path: Where it is kept; None for nowhere.
    """

    def __init__(self, objective: Objective, plan: Plan, path: Path | None):
        self.objective, self.plan, self.step = objective, plan, 0
        shapes = {k: list(v.shape) for k, v in objective.state_dict().items()}
        self.checkpoint = Checkpoint(path, f"{plan!r} of {shapes}")
        self.adam = torch.optim.Adam(objective.parameters(), lr=plan.rate, betas=BETAS)
        self.history, self.best = History(), copied(objective)
        self.least, self.at = float("inf"), 0

    def look(self, held: Tensor, loss: float) -> None:
        """Note both losses, and the weights if they are the best so far."""
        self.history.loss.append((self.step, loss))
        self.history.held_out.append((self.step, float(held)))
        if float(held) <= self.least:
            self.least, self.at, self.best = float(held), self.step, copied(self.objective)

    def choose(self) -> None:
        """Go on with the best weights."""
        self.objective.load_state_dict(self.best)
        self.history.kept.append(self.at)

    def write_now_and_then(self) -> None:
        """Once a minute."""
        if self.checkpoint.due:
            self.write()

    def write(self) -> None:
        """Everything in one file."""
        tensors = named("weights.", self.objective.state_dict()) | named("best.", self.best)
        tensors |= named("adam.", moments(self.adam))
        said: dict[str, Any] = {"step": self.step, "least": self.least, "at": self.at}
        said |= {"loss": self.history.loss, "held_out": self.history.held_out}
        self.checkpoint.write(tensors, said)

    def resume(self) -> None:
        """Go on from the file, if there is one of the same plan and network."""
        if (kept := self.checkpoint.read(self.plan.device)) is None:
            return
        tensors, said = kept
        self.objective.load_state_dict(under("weights.", tensors))
        self.best = under("best.", tensors)
        resume(self.adam, under("adam.", tensors))
        self.step, self.least, self.at = said["step"], said["least"], said["at"]
        self.history.loss[:] = [tuple(pair) for pair in said["loss"]]
        self.history.held_out[:] = [tuple(pair) for pair in said["held_out"]]
