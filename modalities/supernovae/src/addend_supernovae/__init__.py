"""Type Ia supernovae: distance moduli one by one, with statistical errors and a zero point of their own."""

from .supernovae import Supernovae

__all__ = ["Supernovae"]
