r"""Simulators whose likelihood is known: what every claim of the project is held to, and where to learn it by playing.

Each oracle is a tuple of modalities, and each modality draws its observations, knows their exact log p(x | theta) and
the Fisher information of one of them. One line makes the sum:

    >>> import numpy as np
    >>> from addend.maximum import maximise
    >>> rng = np.random.default_rng(1)
    >>> S = sum(m.scalar(m.observe([0.5], 100, rng)) for m in ORACLES["O-1"])
    >>> fit = maximise(S)
    >>> bool(abs(fit.theta_hat[0] - 0.5) < 4 * fit.std[0])
    True

    O-1   two Gaussians, means theta and 2 theta        O-7   x ~ N(theta^2, 1) and a weak N(theta, s^2): two modes
    O-2   Poisson(exp theta)                            O-8   M views of an object that share its own effect
    O-3   exponential, rate exp theta                   O-9   a Gaussian seen only above a threshold
    O-4   Bernoulli(sigmoid theta)                      O-10  an integer theta, Gaussian noise
    O-5   a Gaussian of variance exp theta              O-11  two modalities, each blind to one direction
    O-6   Cauchy location                               O-12  Uniform(0, theta): a support that depends on theta
"""

from .base import Oracle, parameter
from .irregular import Selected, SharedEffect, Square, Step, Uniform, views_of_one_systematic
from .regular import Bernoulli, Cauchy, Exponential, Linear, Poisson, Scale

_THETA = (parameter("theta", -5.0, 5.0),)
_PLANE = (parameter("theta_1", -5.0, 5.0), parameter("theta_2", -5.0, 5.0))

ORACLES: dict[str, tuple[Oracle, ...]] = {
    "O-1": (Linear("first", _THETA, [1.0], 1.0), Linear("second", _THETA, [2.0], 0.5)),
    "O-2": (Poisson(),),
    "O-3": (Exponential(),),
    "O-4": (Bernoulli(),),
    "O-5": (Scale(),),
    "O-6": (Cauchy(),),
    "O-7": (Square(), Linear("weak", _THETA, [1.0], 6.0)),
    "O-8": (SharedEffect(),),
    "O-9": (Selected(),),
    "O-10": (Step(),),
    "O-11": (Linear("plus", _PLANE, [1.0, 1.0], 1.0), Linear("minus", _PLANE, [1.0, -1.0], 1.0)),
    "O-12": (Uniform(),),
}

__all__ = [
    "ORACLES",
    "Bernoulli",
    "Cauchy",
    "Exponential",
    "Linear",
    "Oracle",
    "Poisson",
    "Scale",
    "Selected",
    "SharedEffect",
    "Square",
    "Step",
    "Uniform",
    "views_of_one_systematic",
]
