"""Objectives for f_m that need no theta, one a file: each makes the `Backbone` a head is trained on.

`OBJECTIVES` has them by name: `pretrain.objective` of a modality's params.yaml asks for one.
"""

from collections.abc import Callable

from ..modality import Columns, Schema
from .backbone import Backbone
from .standardise import Standardise, flow_layout, standardise

OBJECTIVES: dict[str, Callable[[Schema, Columns], Backbone]] = {"standardise": standardise}

__all__ = ["OBJECTIVES", "Backbone", "Standardise", "flow_layout", "standardise"]
