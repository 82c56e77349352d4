"""Weak lensing: maps of the convergence, with shape noise and a mask."""

from .features import Spectrum
from .shear import Gaussian, Shear

__all__ = ["Gaussian", "Shear", "Spectrum"]
