"""The held-out loss of a training, and the weights that are to go on.

Weights that no longer learn the law learn the rows: of few rows, after a few hundred steps. So a tenth of them is held out
(`Rows.split`), and its loss is looked at ever more rarely, whenever the steps of a phase have grown by an eighth. The best
weights that were seen go on in the place of the last where the last have learned rows by heart: they are better on what
taught, and worse on what is held out: in at least `MOST_PARTS` of its parts, which one wild row cannot rule, or on their mean by
`SURE` standard errors, which sees what is small. Where rows are plentiful the weights are those of the plain loop.
"""

import math
from typing import Any

import torch
from torch import Tensor

from .heads import Head
from .numerics.states import copied, named, under
from .rows import Rows, Training

MOST, PARTS = 2**13, 16
"""The most rows that are looked at, and in how many parts."""
GROWTH, MOST_PARTS, SURE = 1.125, 0.8, 2.0
"""From one look to the next; 13 parts of 16 are worse by chance in one case of a hundred, their mean by two errors in three."""
Weights = dict[str, Tensor]


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
        if not _sure(self.last - losses):
            return self.steps
        last, taught = copied(self.head), self._losses(self.taught).mean()
        self.head.load_state_dict(best)
        if taught < self._losses(self.taught).mean():
            return step
        self.head.load_state_dict(last)
        return self.steps

    def state(self) -> tuple[Weights, dict[str, Any]]:
        """What it has seen: tensors, and numbers."""
        said = {"due": self.due, "seen": self.seen, "best": None}
        if self.best is None:
            return {}, said
        step, losses, weights = self.best
        return {"last": self.last, "least": losses, **named("best.", weights)}, said | {
            "best": step
        }

    def resume(self, tensors: Weights, said: dict[str, Any]) -> None:
        """Go on with what `state` gave."""
        self.due, self.seen = said["due"], [(step, loss) for step, loss in said["seen"]]
        if said["best"] is not None:
            self.last = tensors["last"]
            self.best = (said["best"], tensors["least"], under("best.", tensors))

    def _losses(self, rows: Rows) -> Tensor:
        """The loss of each part, as the end of the phase sees it, and with the same random numbers every time."""
        self.head.enter(self.phase, 1.0)
        n = min(len(rows), len(self.held), MOST)
        parts = torch.arange(n, device=rows.z.device).chunk(min(PARTS, max(1, n // 2)))
        with torch.no_grad():
            return torch.stack([self._loss(rows, part) for part in parts]).double()

    def _loss(self, rows: Rows, part: Tensor) -> Tensor:
        generator = torch.Generator(rows.z.device).manual_seed(self.seed)
        return self.head.loss(rows.z[part], rows.e[part], rows.phi[part], generator)


def _sure(worse: Tensor) -> bool:
    """Whether the parts `(P,)` are worse: nearly all of them, or their mean."""
    error = float(worse.std()) / math.sqrt(len(worse)) if len(worse) > 1 else math.inf
    return float((worse > 0).double().mean()) >= MOST_PARTS or float(worse.mean()) > SURE * error
