"""Baryon acoustic oscillations: distances in units of the sound horizon, one tracer's block an observation."""

from .bao import Bao

__all__ = ["Bao"]
