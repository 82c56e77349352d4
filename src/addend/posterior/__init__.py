"""The posterior of theta under the declared uniform priors, for reports: means, intervals and triangle plots."""

from .draws import Posterior
from .sampler import sample

__all__ = ["Posterior", "sample"]
