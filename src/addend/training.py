"""The one training loop: in-memory tensors, sliced batches, phases, cosine decay, checkpoint, resume, progress.

A head names its phases (`Head.phases`): groups of weights trained in turn, each with Adam and a learning rate that falls
from its peak to zero along half a cosine. The number of steps is fixed beforehand, so the same seed gives the same bits.

Rows may be the points of a Sobol' sequence (`addend.sobol`). A batch then takes blocks of consecutive rows, each of which
covers the law of theta and x evenly by itself, so that most of the noise of the gradient cancels within it.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import Parameter

from .errors import NotFinite
from .heads import Head
from .numerics.schedules import cosine


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

    def batches(self, size: int, generator: torch.Generator) -> Iterator[Tensor]:
        """Row indices of one batch after another, without end, each epoch in a new order; a last block cut short is left out."""
        within = torch.arange(min(self.block, len(self.z)))
        blocks = len(self.z) // len(within)
        size = min(max(1, size // len(within)), blocks)
        while True:
            order = torch.randperm(blocks, generator=generator)
            for start in range(0, blocks - size + 1, size):
                yield (order[start : start + size, None] * len(within) + within).flatten()


Report = Callable[[int, int, float], None]


def fit(head: Head, rows: Rows, settings: Training, report: Report = lambda step, steps, loss: None,
        checkpoint: Path | None = None) -> list[tuple[int, float]]:  # fmt: skip
    """Train `head` in place and return the history, (step, mean loss in nats since the last entry).

    Arguments:
        head: The head; left in evaluation mode.
        rows: Joint draws of theta and observations.
        settings: Steps, batches, rates, seed.
        report: Called now and then with the step, the total and the loss.
        checkpoint: Where a finished phase is kept, so that an interrupted training resumes after it.
    """
    history: list[tuple[int, float]] = []
    total, done = sum(settings.steps), 0
    head.train()
    for phase, weights in enumerate(head.phases()):
        saved = checkpoint.with_suffix(f".{phase}.safetensors") if checkpoint else None
        if saved is not None and saved.exists():
            head.load_state_dict(load_file(saved))
        else:
            for step, loss in _run(head, rows, settings, phase, weights):
                history.append((done + step, loss))
                report(done + step, total, loss)
            if saved is not None:
                save_file(head.state_dict(), saved)
        done += settings.steps[phase]
    head.finish()
    head.eval()
    return history


def _run(
    head: Head, rows: Rows, settings: Training, phase: int, weights: list[Parameter]
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
