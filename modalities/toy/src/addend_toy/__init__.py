"""The toy modality: a straight line with known noise, whose posterior anybody can write down.

It is the template of a modality's package: copy the folder, rename, and replace the physics.
"""

from .line import Toy

__all__ = ["Toy"]
