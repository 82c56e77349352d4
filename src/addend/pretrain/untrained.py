"""Nothing is learned: f_m is the summaries that a modality states, whitened.

The reference of the catalogue (methods E2, `none`). Where the summaries are the ones that matter and simulations are many, it is
the best of it: g_m sees all of them, and has every row of the train pool to itself.
"""

import torch
from torch import Tensor, nn

from ..backbones import Summarised
from ..errors import BadSetting
from ..modality import Modality
from ..settings import Pretrain
from .objective import Objective


class Untrained(Objective):
    """The summaries of a network that is made of them."""

    name = "none"

    def __init__(self, summary: nn.Module):
        nn.Module.__init__(self)
        self.features = summary

    @classmethod
    def of(
        cls, modality: Modality, network: nn.Module, coordinates: int, asked: Pretrain
    ) -> "Untrained":
        """Those of the modality's architecture; `BadSetting` where it states none."""
        if not isinstance(network, Summarised):
            said = f"'none' takes the summaries that '{modality.name}' states, found {type(network).__name__}"
            raise BadSetting(
                said, "let its architecture be a `Summarised`, or choose another objective"
            )
        return cls(network.summary)

    def loss(self, x: Tensor, c: Tensor, phi: Tensor, generator: torch.Generator) -> Tensor:
        """Zero: there is nothing to learn."""
        return x.new_zeros(())
