"""Draws from a posterior and what they say, with the Monte Carlo error of saying it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..parameters import ParameterSpace

LEVELS = {"68": 0.682689492137086, "95": 0.954499736103642}


@dataclass(frozen=True)
class Posterior:
    """Draws from the posterior and what they say.

    Arguments:
        space: The parameters, in the order of the columns.
        samples: `(M, D)`, float64, one step of the ensemble after the other.
        ess: `(D,)` effective sample size of the mean.
        std_error: `(D,)` Monte Carlo standard deviation of `std`, in the unit of each parameter.
        evaluations: Of S, starts and burn-in included.
        reached: Whether the effective sample size asked for was reached within the budget.
    """

    space: ParameterSpace
    samples: np.ndarray
    ess: np.ndarray
    std_error: np.ndarray
    evaluations: int
    reached: bool

    @property
    def mean(self) -> np.ndarray:
        """`(D,)` posterior means."""
        return self.samples.mean(axis=0)

    @property
    def std(self) -> np.ndarray:
        """`(D,)` posterior standard deviations."""
        return self.samples.std(axis=0)

    @property
    def covariance(self) -> np.ndarray:
        """`(D, D)`."""
        return np.cov(self.samples.T, bias=True).reshape(len(self.space), len(self.space))

    @property
    def mean_error(self) -> np.ndarray:
        """`(D,)` Monte Carlo standard deviation of `mean`."""
        return self.std / np.sqrt(self.ess)

    def interval(self, level: float = LEVELS["68"]) -> np.ndarray:
        """Equal-tailed intervals `(D, 2)` of that probability."""
        return np.quantile(self.samples, [(1 - level) / 2, (1 + level) / 2], axis=0).T

    def as_dict(self) -> dict[str, Any]:
        """The summary as plain JSON, by parameter; samples are left out."""
        intervals = {f"interval_{k}": self.interval(level) for k, level in LEVELS.items()}
        numbers = {"posterior_mean": self.mean, "posterior_std": self.std, "ess": self.ess}
        errors = {"mean_error": self.mean_error, "std_error": self.std_error}
        columns = {**numbers, **intervals, **errors}
        return {
            "names": list(self.space.names), "evaluations": self.evaluations, "reached": self.reached,
            "covariance": self.covariance.tolist(),
            "parameters": {n: {k: v[d].tolist() for k, v in columns.items()} for d, n in enumerate(self.space.names)},
        }  # fmt: skip
