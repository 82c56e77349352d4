"""Compact binaries whose host is known: strain in two detectors, and a distance in each."""

from .filters import Filters
from .sirens import Sirens

__all__ = ["Filters", "Sirens"]
