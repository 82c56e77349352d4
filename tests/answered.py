"""Fusions of lines from end to end, without a disk: fitted, calibrated, judged.

S of lines is quadratic and its bounds are far away, so that draws of its posterior are written down and not sampled.
"""

from unittest.mock import patch

import numpy as np
from repeated_lines import TRUTH, Laboratory, normal_draws, terms

from addend.fusion.answer import Answer
from addend.fusion.calibrated import Plan, calibrated
from addend.fusion.curves import Curves
from addend.fusion.fit import fitted
from addend.fusion.terms import Terms
from addend.maximum import maximise
from addend.posterior import Posterior

STATED = {"a": TRUTH[0], "b": TRUTH[1], "left.eta": TRUTH[2]}
PLAN = Plan(teach=450, audit=60)


def exact_posterior(scalar, seed: int, ess: int = 0) -> Posterior:
    """The posterior of a quadratic S."""
    samples = normal_draws(maximise(scalar), n=4000, seed=seed)
    D = len(scalar.space)
    return Posterior(scalar.space, samples, np.full(D, 4000.0), np.zeros(D), 0, True)


def fitted_lines(
    found: Terms, seed: int = 0, truth=None, allow: bool = False
) -> tuple[Answer, Curves]:
    """A fusion of lines, fitted."""
    with patch("addend.fusion.fit.sample", exact_posterior):
        return fitted("lines", found, seed, truth, allow=allow)


def answered(
    lab: Laboratory, plan: Plan = PLAN, found: Terms | None = None, truth=None, simulators=None
) -> Answer:
    """What a fusion of lines says at the end of its road."""
    found = terms(lab) if found is None else found
    allow = plan.allow or plan.local is not None
    answer, curves = fitted_lines(found, plan.search, truth, allow)
    samples = curves.posterior["fused"].values
    simulators = lab.simulators if simulators is None else simulators
    return calibrated(answer, found, simulators, lab.observed, samples, plan)[0]
