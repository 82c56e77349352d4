"""Heads g_m, each beside its loss: a scalar function of theta in nats for each observation."""

from .base import Head
from .flow import Flow

HEADS: dict[str, type[Head]] = {"flow": Flow}

__all__ = ["HEADS", "Flow", "Head"]
