"""The one training loop: in-memory tensors, sliced batches, phases, cosine decay, checkpoint, resume, progress.

A head names its phases (`Head.phases`): groups of weights trained in turn, each with Adam and a learning rate that falls
from its peak to zero along half a cosine. The number of steps is fixed beforehand, so the same seed gives the same bits.

Weights that no longer learn the law learn the rows: of few rows, after a few hundred steps. So a tenth of them is held out
(`Rows.split`), and its loss is looked at ever more rarely, whenever the steps of a phase have grown by an eighth. The best
weights that were seen go on in the place of the last where the last have learned rows by heart: they are better on what
taught, and worse on what is held out, in at least `SURE` of its parts. Parts are counted because one wild row would rule a
mean. Where rows are plentiful the weights are those of the plain loop.

Rows may be the points of a Sobol' sequence (`addend.sobol`). A batch then takes blocks of consecutive rows, each of which
covers the law of theta and x evenly by itself, so that most of the noise of the gradient cancels within it.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import Parameter

from .errors import NotFinite
from .heads import Head
from .numerics.schedules import cosine

HELD_OUT, MOST, PARTS = 0.1, 2**13, 16
"""The share of rows held out, the most that are looked at, and in how many parts."""
GROWTH, SURE = 1.125, 0.8
"""From one look to the next; 13 parts of 16 are worse by chance in one case of a hundred."""
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Training:
    """Settings of the loop, the `finetune` section of a modality's params.yaml.

    Arguments:
        seed: Seed of the weights and of the order of rows.
        steps: Steps of each phase.
        batch: Rows of a step, in each phase.
        rate: Peak learning rate of each phase.
        clip: Largest norm of the gradient.
    """

    seed: int
    steps: tuple[int, ...]
    batch: tuple[int, ...]
    rate: tuple[float, ...]
    clip: float = 5.0


@dataclass(frozen=True)
class Rows:
    """What a head is trained on: z `(N, Z)`, e `(N, E)`, phi `(N, K)`; blocks of `block` rows stay together."""

    z: Tensor
    e: Tensor
    phi: Tensor
    block: int = 1

    def __len__(self) -> int:
        return len(self.z)

    def split(self, share: float = HELD_OUT) -> tuple["Rows", "Rows"]:
        """The rows to train on and those held out, the last `share` of them and more: blocks stay whole, and so do pairs."""
        kept = int((1 - share) * len(self))
        unit = next((b for b in (self.block, 2) if b <= kept), 1)
        kept -= kept % unit
        return self._part(slice(0, kept)), self._part(slice(kept, None))

    def _part(self, rows: slice) -> "Rows":
        return Rows(self.z[rows], self.e[rows], self.phi[rows], self.block)

    def batches(self, size: int, generator: torch.Generator) -> Iterator[Tensor]:
        """Row indices of one batch after another, without end, each epoch in a new order; a last block cut short is left out."""
        within = torch.arange(min(self.block, len(self.z)))
        blocks = len(self.z) // len(within)
        size = min(max(1, size // len(within)), blocks)
        while True:
            order = torch.randperm(blocks, generator=generator)
            for start in range(0, blocks - size + 1, size):
                yield (order[start : start + size, None] * len(within) + within).flatten()


@dataclass
class History:
    """What a training saw, in nats.

    Arguments:
        loss: (step, mean loss since the last entry).
        held_out: (step, mean loss of the rows held out); empty without any.
        kept: The step of each phase whose weights went on.
    """

    loss: list[tuple[int, float]] = field(default_factory=list)
    held_out: list[tuple[int, float]] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)


Report = Callable[[int, int, float], None]


def fit(head: Head, rows: Rows, settings: Training, report: Report = lambda step, steps, loss: None,
        checkpoint: Path | None = None, held: Rows | None = None) -> History:  # fmt: skip
    """Train `head` in place and return the history.

    Arguments:
        head: The head; left in evaluation mode.
        rows: Joint draws of theta and observations.
        settings: Steps, batches, rates, seed.
        report: Called now and then with the step, the total and the loss.
        checkpoint: Where a finished phase is kept, so that an interrupted training resumes after it.
        held: Rows that teach nothing, by which the weights of each phase are chosen; the last ones without any.
    """
    history, total, done = History(), sum(settings.steps), 0
    head.train()
    for phase, weights in enumerate(head.phases()):
        saved = checkpoint.with_suffix(f".{phase}.safetensors") if checkpoint else None
        if saved is not None and saved.exists():
            head.load_state_dict(load_file(saved))
        else:
            watch = Watch(head, held, rows, settings, phase) if held else None
            for step, loss in _run(head, rows, settings, phase, weights, watch):
                history.loss.append((done + step, loss))
                report(done + step, total, loss)
            _choose(history, watch, done, settings.steps[phase])
            if saved is not None:
                save_file(head.state_dict(), saved)
        done += settings.steps[phase]
    head.finish()
    head.eval()
    return history


def _choose(history: History, watch: "Watch | None", done: int, steps: int) -> None:
    history.kept.append(done + (watch.choose() if watch else steps))
    if watch:
        history.held_out += [(done + step, loss) for step, loss in watch.seen]


class Watch:
    """The loss of the rows held out, through one phase, and the weights at which it was least.

    Arguments:
        head: The head in training.
        held: Rows that teach nothing; the first `MOST` are looked at.
        taught: Rows that teach; as many of them are looked at in the end.
        settings: Of the training.
        phase: Which of its phases.
    """

    def __init__(self, head: Head, held: Rows, taught: Rows, settings: Training, phase: int):
        self.head, self.phase, self.seed = head, phase, settings.seed
        self.held, self.taught, self.steps, self.due = held, taught, settings.steps[phase], 1
        self.seen: list[tuple[int, float]] = []
        self.best: tuple[int, Tensor, Weights] | None = None
        self.last = torch.zeros(0)

    def __call__(self, step: int) -> None:
        """After a step: look, if it is time to."""
        if step < self.due and step < self.steps:
            return
        self.due = max(step + 1, math.ceil(GROWTH * step))
        self.last = self._losses(self.held)
        self.seen.append((step, float(self.last.mean())))
        if self.best is None or self.last.mean() <= self.best[1].mean():
            self.best = (step, self.last, copied(self.head))

    def choose(self) -> int:
        """The step whose weights go on, which the head has from here on."""
        if self.best is None:
            return self.steps
        step, losses, best = self.best
        if (self.last > losses).double().mean() < SURE:
            return self.steps
        last, taught = copied(self.head), self._losses(self.taught).mean()
        self.head.load_state_dict(best)
        if taught < self._losses(self.taught).mean():
            return step
        self.head.load_state_dict(last)
        return self.steps

    def _losses(self, rows: Rows) -> Tensor:
        """The loss of each part, as the end of the phase sees it, and with the same random numbers every time."""
        self.head.enter(self.phase, 1.0)
        n = min(len(rows), len(self.held), MOST)
        parts = torch.arange(n).chunk(min(PARTS, max(1, n // 2)))
        with torch.no_grad():
            return torch.stack([self._loss(rows, part) for part in parts]).double()

    def _loss(self, rows: Rows, part: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        return self.head.loss(rows.z[part], rows.e[part], rows.phi[part], generator)


def copied(module: nn.Module) -> Weights:
    """The weights of a module as they are now."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def _run(
    head: Head,
    rows: Rows,
    settings: Training,
    phase: int,
    weights: list[Parameter],
    watch: Callable[[int], None] | None = None,
) -> Iterator[tuple[int, float]]:
    """One phase; yields (step, mean loss) about a hundred times."""
    steps, rate = settings.steps[phase], settings.rate[phase]
    generator = torch.Generator().manual_seed(settings.seed * 1000 + phase)
    optimiser = torch.optim.Adam(
        weights, lr=rate, betas=(0.9, 0.95 if phase == 0 else 0.99), fused=True
    )
    kept = {id(w) for w in weights}
    for w in head.parameters():
        w.requires_grad_(id(w) in kept)
    every, running = max(1, steps // 100), torch.zeros(())
    for step, batch in zip(
        range(steps), rows.batches(settings.batch[phase], generator), strict=False
    ):
        head.enter(phase, step / steps)
        for group in optimiser.param_groups:
            group["lr"] = cosine(rate, step, steps)
        loss = head.loss(rows.z[batch], rows.e[batch], rows.phi[batch], generator)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, settings.clip)
        optimiser.step()
        running += loss.detach()
        if watch is not None:
            watch(step + 1)
        if (step + 1) % every == 0:
            yield step + 1, _finite(float(running) / every, step + 1)
            running = torch.zeros(())
    for w in head.parameters():
        w.requires_grad_(True)


def _finite(loss: float, step: int) -> float:
    if not math.isfinite(loss):
        raise NotFinite(
            f"the loss is {loss} by step {step}",
            "lower finetune.rate, or look for odd rows among the simulations",
        )
    return loss
