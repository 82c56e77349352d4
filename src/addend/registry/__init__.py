"""Registry: register, promote, pin, load. `store` is the only importer of mlflow, which is imported at first use."""

from ..versions import Version
from .encoders import Registry

__all__ = ["Registry", "Version"]
