r"""Features by which the other view of an observation is found among those of a batch.

    loss = -E log [ e^{s_ii} / sum_j e^{s_ij} ],        s_ij = k(h(v_i)) . k(h(v'_j)) / t,   |k| = 1

for two views v, v' of x that theta does not distinguish: the modality's `augment`. log B less the loss is a lower bound of what
the views share (van den Oord, Li & Vinyals, arXiv:1807.03748); k is a small network that is thrown away, t = 0.1 (Chen et al.,
arXiv:2002.05709). Of what the views share theta may be a small part (methods E2).
"""

import torch
from torch import Tensor, nn

from .objective import perceptron
from .views import OfViews, Views

TEMPERATURE = 0.1


class InfoNCE(OfViews):
    """The mean over both views, each looked for among the other's."""

    name = "infonce"

    def __init__(self, network: nn.Module, coordinates: int, z: int, views: Views):
        super().__init__(network, coordinates, z, views)
        self.projection = perceptron(z, z)

    def loss(self, x: Tensor, c: Tensor, phi: Tensor, generator: torch.Generator) -> Tensor:
        """The cross entropy of finding a row among those of the batch, in nats."""
        one, other = (
            nn.functional.normalize(self.projection(h), dim=1) for h in self.pair(x, c, generator)
        )
        s, own = one @ other.T / TEMPERATURE, torch.arange(len(x), device=x.device)
        return (nn.functional.cross_entropy(s, own) + nn.functional.cross_entropy(s.T, own)) / 2
