"""What is left to train of an f_m whose first step is fixed: summaries are made once, and stand in the place of observations."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..backbones import Summarised
from ..streams import Stream
from .learned import Inputs
from .objective import Objective


class Units(nn.Module):
    """Summaries as they are."""

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """x and c."""
        return x, c


class OfSummaries(nn.Module):
    """What is left of a network once its summaries are made."""

    def __init__(self, network: Summarised):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """The features of summaries x."""
        return self.network.of(x)


@contextmanager
def seeing(
    objective: Objective, inputs: Inputs, stream: Stream
) -> Iterator[tuple[Inputs | Units, Stream]]:
    """What an objective is trained on: units and a stream; of a network of summaries, these in the place of observations.

    Within the block the objective's network is what is left to train. An objective without labels sees x, which it is to make.
    """
    features = objective.features
    network = features.network
    if not isinstance(network, Summarised) or not objective.labelled:
        yield inputs, stream
        return

    def summary(x: Tensor, c: Tensor) -> Tensor:
        with torch.no_grad():
            made: Tensor = network.summary(*inputs(x, c))
        return made

    seen = stream.through(summary)
    network.whiten(torch.cat([x for x, _, _ in seen.made]))
    features.network = OfSummaries(network)
    try:
        yield Units(), seen
    finally:
        features.network = network
