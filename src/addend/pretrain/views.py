"""Objectives that compare two views of one observation, which theta does not distinguish: the modality's `augment`."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..errors import BadSetting
from ..modality import Modality
from ..settings import Pretrain
from .objective import Objective

Views = Callable[[Tensor, Tensor, torch.Generator], Tensor]


class OfViews(Objective):
    """Without labels.

    Arguments:
        views: x `(B, X)`, c `(B, C)` and a generator to another view of each row.
    """

    labelled = False

    def __init__(self, network: nn.Module, coordinates: int, z: int, views: Views):
        super().__init__(network, coordinates, z)
        self.views = views

    @classmethod
    def of(
        cls, modality: Modality, network: nn.Module, coordinates: int, asked: Pretrain
    ) -> "OfViews":
        """With the modality's `augment`; `BadSetting` where it states none."""
        if type(modality).augment is Modality.augment:
            said = f"'{modality.name}' states no symmetry of its observations, which {cls.name} compares"
            raise BadSetting(said, "let it state one as `augment`, or choose another objective")
        return cls(network, coordinates, asked.z, modality.augment)

    def pair(self, x: Tensor, c: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The features `(B, z)` of two views."""
        one, other = (self.features(self.views(x, c, generator), c) for _ in range(2))
        return one, other
