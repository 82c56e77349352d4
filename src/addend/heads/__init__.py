"""Heads g_m, each beside its loss: a scalar function of theta in nats for each observation."""

from .base import Head
from .categorical import Categorical
from .corrected import Corrected
from .distilled import Distilled
from .ensemble import Ensemble
from .exponential import Exponential
from .flow import Flow
from .kinds import HEADS, build
from .ratio import Ratio
from .selfnormalised import SelfNormalised
from .stated import Stated

__all__ = [
    "HEADS",
    "Categorical",
    "Corrected",
    "Distilled",
    "Ensemble",
    "Exponential",
    "Flow",
    "Head",
    "Ratio",
    "SelfNormalised",
    "Stated",
    "build",
]
