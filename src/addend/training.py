"""The one training loop of g_m: in-memory tensors, sliced batches, phases, cosine decay, checkpoint, resume, progress.

A head names its phases (`Head.phases`): groups of weights trained in turn, by `numerics.soap` with a learning rate that falls
from its peak to zero along half a cosine. The number of steps is fixed beforehand, so the same seed gives the same bits, and
so does a training that was killed and goes on from its checkpoint.
"""

import math
import signal
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .checkpoint import Checkpoint, at_sigterm
from .errors import NotFinite
from .heads import Head
from .numerics.schedules import cosine
from .numerics.soap import Soap
from .numerics.states import named, under
from .rows import HELD_OUT, History, Rows, Training
from .watch import Watch

__all__ = ["HELD_OUT", "History", "Rows", "Training", "fit"]

MEMORY = ((0.95, 0.95), (0.95, 0.99))
"""Of the optimiser's means, in the first phase and in those after it."""
Report = Callable[[int, int, float], None]


def fit(
    head: Head,
    rows: Rows,
    settings: Training,
    report: Report = lambda step, steps, loss: None,
    checkpoint: Path | None = None,
    held: Rows | None = None,
    of: str = "",
    device: str = "cpu",
) -> History:
    """Train `head` in place and return the history.

    Arguments:
        head: The head; left in evaluation mode.
        rows: Joint draws of theta and observations.
        settings: Steps, batches, rates, seed.
        report: Called now and then with the step, the total and the loss.
        checkpoint: Where an interrupted training goes on from; None for nowhere.
        held: Rows that teach nothing, by which the weights of each phase are chosen; the last ones without any.
        of: What else it is a training of, in words: no other goes on from its checkpoint.
        device: Where: "cpu" or "cuda". The head comes back to the CPU.
    """
    head.to(device).train()
    rows, held = rows.to(device), held.to(device) if held else None
    shapes = {name: list(x.shape) for name, x in head.state_dict().items()}
    kept = Checkpoint(checkpoint, f"{of} {settings!r} of {shapes} on {device}")
    history, total = History(), sum(settings.steps)
    begun = kept.read(device)
    first = begun[1]["phase"] if begun else 0
    with at_sigterm() as asked_to_stop:
        for k in range(first, len(head.phases())):
            phase = _Phase(head, rows, held, settings, k, history)
            if begun and k == first:
                phase.resume(*begun)
            for step, loss in phase.run(kept, asked_to_stop):
                report(step, total, loss)
    head.finish()
    head.cpu().eval()
    return history


class _Phase:
    """One phase on its way.

    Arguments:
        head, rows, held, settings, history: As of `fit`.
        k: Which phase it is.
    """

    def __init__(
        self,
        head: Head,
        rows: Rows,
        held: Rows | None,
        settings: Training,
        k: int,
        history: History,
    ):
        self.head, self.rows, self.settings, self.k, self.history = head, rows, settings, k, history
        self.weights, self.before = head.phases()[k], sum(settings.steps[:k])
        self.steps, self.rate, self.step = settings.steps[k], settings.rate[k], 0
        self.soap = Soap(self.weights, self.rate, MEMORY[min(k, 1)])
        self.watch = Watch(head, held, rows, settings, k) if held else None
        self.noise = torch.Generator(rows.z.device).manual_seed(settings.seed * 1000 + 100 + k)
        self.running = rows.z.new_zeros(())

    def run(self, kept: Checkpoint, asked_to_stop: Callable[[], bool]) -> Any:
        """Its steps; yields the step of the whole training and the mean loss about a hundred times."""
        moved = {id(w) for w in self.weights}
        for w in self.head.parameters():
            w.requires_grad_(id(w) in moved)
        order = torch.Generator().manual_seed(self.settings.seed * 1000 + self.k)
        batches = self.rows.batches(self.settings.batch[self.k], order)
        every = max(1, self.steps // 100)
        for batch in islice(batches, self.step, self.steps):
            self._descend(batch.to(self.rows.z.device))
            self.step += 1
            if self.watch is not None:
                self.watch(self.step)
            if self.step % every == 0:
                at, loss = self.before + self.step, float(self.running) / every
                self.running = torch.zeros_like(self.running)
                self.history.loss.append((at, _finite(loss, self.step)))
                yield at, loss
            if asked_to_stop():
                self.write(kept)
                raise SystemExit(128 + signal.SIGTERM)
            if kept.due:
                self.write(kept)
        self._choose()
        for w in self.head.parameters():
            w.requires_grad_(True)

    def _descend(self, batch: Tensor) -> None:
        self.head.enter(self.k, self.step / self.steps)
        self.soap.rate = cosine(self.rate, self.step, self.steps)
        rows = (self.rows.z[batch], self.rows.e[batch], self.rows.phi[batch])
        loss = self.head.loss(*rows, self.noise)
        self.head.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, self.settings.clip)
        self.soap.step()
        self.running += loss.detach()

    def _choose(self) -> None:
        chosen = self.watch.choose() if self.watch else self.steps
        self.history.kept.append(self.before + chosen)
        if self.watch:
            self.history.held_out += [(self.before + step, loss) for step, loss in self.watch.seen]

    def write(self, kept: Checkpoint) -> None:
        """All that it goes on from."""
        seen, watched = self.watch.state() if self.watch else ({}, None)
        tensors = named("weights.", self.head.state_dict()) | named("soap.", self.soap.state())
        tensors |= named("watch.", seen)
        tensors |= {"noise": self.noise.get_state(), "running": self.running}
        said = {"phase": self.k, "step": self.step, "watch": watched}
        said |= {name: getattr(self.history, name) for name in ("loss", "held_out", "kept")}
        kept.write(tensors, said)

    def resume(self, tensors: dict[str, Tensor], said: dict[str, Any]) -> None:
        """Go on from what `write` kept."""
        self.head.load_state_dict(under("weights.", tensors))
        self.soap.resume(said["step"], under("soap.", tensors))
        if self.watch:
            self.watch.resume(under("watch.", tensors), said["watch"])
        self.noise.set_state(tensors["noise"].cpu())
        self.running, self.step = tensors["running"], said["step"]
        self.history.loss += [(step, loss) for step, loss in said["loss"]]
        self.history.held_out += [(step, loss) for step, loss in said["held_out"]]
        self.history.kept += said["kept"]


def _finite(loss: float, step: int) -> float:
    if not math.isfinite(loss):
        raise NotFinite(
            f"the loss is {loss} by step {step}",
            "lower finetune.rate, or look for odd rows among the simulations",
        )
    return loss
