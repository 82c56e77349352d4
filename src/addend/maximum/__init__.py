"""theta_hat and what surrounds it: modes, curvature, profiles, intervals, tests, and the argmax as a layer."""

from .curvature import Curvature, curvature
from .discrete import Enumeration, enumerate_models
from .fit import Fit, Mode
from .hypotheses import Test, chernoff, composite, likelihood_ratio
from .influence import Influence, influence
from .intervals import Interval, profile_interval, profile_intervals
from .layer import Argmax, implicit, unrolled
from .modes import maximise
from .nuisance import Marginal, Profiled
from .profiles import Contour, Profile, contour, profile
from .tension import LeftOut, Tension, leave_one_out, tension, weights, with_constraints

__all__ = [
    "Argmax",
    "Contour",
    "Curvature",
    "Enumeration",
    "Fit",
    "Influence",
    "Interval",
    "LeftOut",
    "Marginal",
    "Mode",
    "Profile",
    "Profiled",
    "Tension",
    "Test",
    "chernoff",
    "composite",
    "contour",
    "curvature",
    "enumerate_models",
    "implicit",
    "influence",
    "leave_one_out",
    "likelihood_ratio",
    "maximise",
    "profile",
    "profile_interval",
    "profile_intervals",
    "tension",
    "unrolled",
    "weights",
    "with_constraints",
]
