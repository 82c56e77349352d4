"""Cosmic chronometers: the expansion rate H(z) from the ages of passive galaxies, with two shared systematics."""

from .chronometers import Chronometers

__all__ = ["Chronometers"]
