"""Megamasers: geometric distances to galaxies in the Hubble flow, with their peculiar velocities as latents."""

from .masers import Masers

__all__ = ["Masers"]
