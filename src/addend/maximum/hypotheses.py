r"""Tests of hypotheses from differences of S. (Neyman & Pearson 1933; Wilks 1938; Chernoff 1952.)

    simple        r = S(theta_1) - S(theta_2)              the log likelihood ratio of the whole data set
    composite     t = 2 [S_max - S_prof(nu_0)]             chi2 with one degree of freedom for each parameter of nu

Every term's additive constant cancels in r, so thresholding it is the most powerful test there is as far as psi is
exact. How fast its error falls is the Chernoff information, which adds over observations and modalities just as S does:

    C = - min_{0 <= s <= 1} sum_m N_m log E_{theta_2}[exp(s r_m)]          [nats]

Wilks' law needs an interior, regular maximum and an honest psi: a test says whether its maximum is regular, and
calibration supplies critical values where it is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from torch import Tensor

from ..numerics.tails import chi2_above
from ..scalar.base import Scalar
from .fit import Fit
from .profiles import profile


@dataclass(frozen=True)
class Test:
    """A statistic that is chi2 under the hypothesis.

    Arguments:
        statistic: In twice nats.
        degrees: Degrees of freedom.
        regular: Whether the maxima behind it are interior, strict and unique, so that the chi2 law holds.
    """

    __test__ = False

    statistic: float
    degrees: int
    regular: bool

    @property
    def p_value(self) -> float:
        """The chance of a statistic at least this large if the hypothesis is true; one for no degrees of freedom."""
        return float(chi2_above(self.statistic, self.degrees)) if self.degrees else 1.0

    def as_dict(self) -> dict[str, Any]:
        """The test as plain JSON."""
        return {
            "statistic": self.statistic,
            "degrees": self.degrees,
            "p_value": self.p_value,
            "regular": self.regular,
        }


def likelihood_ratio(
    scalar: Scalar, theta_1: Sequence[float] | Tensor, theta_2: Sequence[float] | Tensor
) -> float:
    """S(theta_1) - S(theta_2) in nats, for theta `(D,)`; positive favours theta_1."""
    both = torch.stack([scalar.check(theta_1), scalar.check(theta_2)])
    with torch.no_grad():
        return float(scalar.values(both).diff()) * -1.0


def composite(scalar: Scalar, fit: Fit, at: Mapping[str, float]) -> Test:
    """The test of `{name: value}` for one, several or all of the parameters, the others maximised over."""
    names = tuple(at)
    curve = profile(scalar, fit, names, [list(at.values())])
    known = sum(name in fit.identified for name in names)
    return Test(max(0.0, float(curve.t[0])), known, fit.regular)


def chernoff(ratios: Sequence[tuple[int, np.ndarray]]) -> float:
    """Chernoff information of a data set, in nats.

    Arguments:
        ratios: For each modality its N_m, and r_m `(R,)` = psi(x; theta_1) - psi(x; theta_2) of R draws x ~ p(. | theta_2).
    """

    def cumulant(s: float) -> float:
        return sum(n * (logsumexp(s * np.asarray(r)) - np.log(len(r))) for n, r in ratios)

    return -float(minimize_scalar(cumulant, bounds=(0.0, 1.0), method="bounded").fun)
