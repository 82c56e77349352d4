"""The training of f_m: batches from a stream, one cosine, held-out loss, and a checkpoint to go on from.

Every step's batch and random numbers follow from the seed and the number of the step, so that a training which was killed
and goes on from its checkpoint ends with the same bits as one that was left alone. A checkpoint is written every minute and
at SIGTERM, beside its name and renamed.
"""

import json
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..durable import written_beside
from ..errors import NotFinite, OtherCheckpoint
from ..numerics.schedules import cosine
from ..streams import Batch, Stream
from ..training import History, copied
from .objective import Objective

EVERY, LOOKS = 60.0, 50
"""Seconds between checkpoints, and how often the held-out loss is looked at."""
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
    with _at_sigterm() as asked_to_stop:
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
        self.objective, self.plan, self.path, self.step = objective, plan, path, 0
        self.adam = torch.optim.Adam(objective.parameters(), lr=plan.rate, betas=BETAS)
        self.history, self.best = History(), copied(objective)
        self.least, self.at, self.last = float("inf"), 0, time.monotonic()

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
        if time.monotonic() - self.last > EVERY:
            self.write()

    def write(self) -> None:
        """Everything in one file."""
        if self.path is None:
            return
        tensors = {f"weights.{k}": v for k, v in self.objective.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self.best.items()}
        for k, moments in self.adam.state_dict()["state"].items():
            tensors |= {f"adam.{k}.{name}": value for name, value in moments.items()}
        said = {"step": self.step, "least": self.least, "at": self.at, "plan": repr(self.plan)}
        said |= {"loss": self.history.loss, "held_out": self.history.held_out}
        kept = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(self.path) as temporary:
            save_file(kept, temporary, {"state": json.dumps(said)})
        self.last = time.monotonic()

    def resume(self) -> None:
        """Go on from the file, if there is one of the same plan and network; one of another is removed, and that is said."""
        if self.path is None or not self.path.exists():
            return
        with safe_open(self.path, "pt", device=self.plan.device) as file:
            said = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        weights = _under("weights.", tensors)
        shapes = {k: v.shape for k, v in self.objective.state_dict().items()}
        if said["plan"] != repr(self.plan) or {k: v.shape for k, v in weights.items()} != shapes:
            self.path.unlink()
            warnings.warn(
                f"{self.path} is of a training with other simulations or settings: removed, f_m is trained from the start.",
                OtherCheckpoint,
                stacklevel=2,
            )
            return
        self.objective.load_state_dict(weights)
        self.best = _under("best.", tensors)
        moments: dict[int, dict[str, Any]] = {}
        for name, value in _under("adam.", tensors).items():
            k, _, part = name.partition(".")
            moments.setdefault(int(k), {})[part] = value.cpu() if part == "step" else value
        if moments:
            self.adam.load_state_dict({**self.adam.state_dict(), "state": moments})
        self.step, self.least, self.at = said["step"], said["least"], said["at"]
        self.history.loss[:] = [tuple(pair) for pair in said["loss"]]
        self.history.held_out[:] = [tuple(pair) for pair in said["held_out"]]


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


@contextmanager
def _at_sigterm() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM has come; nothing else is done about it meanwhile."""
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield lambda: bool(came)
    finally:
        signal.signal(signal.SIGTERM, before)
