"""Objectives for f_m that need no theta, one a file: what turns an observation into the z a head is trained on."""

from .standardise import Standardise, flow_layout

OBJECTIVES = {"standardise": Standardise}
"""By what `pretrain.objective` calls them."""

__all__ = ["OBJECTIVES", "Standardise", "flow_layout"]
