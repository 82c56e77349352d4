"""Two modalities on one straight line, with a nuisance that is measured apart: a fusion in which everything is known.

    left    y ~ N(a + b t + d eta, s^2)        right   y ~ N(a - b t, s^2)        eta ~ N(0, 1), an auxiliary measurement

S is quadratic in theta, so t and every t_p are chi^2 whatever N. Errors are planted in psi: `sharp` multiplies it, `tilt`
adds a slope in a to every observation.
"""

from dataclasses import dataclass

import numpy as np
import torch

from addend.calibration import Record, ScoreMoments
from addend.fusion.experiments import Laboratory
from addend.fusion.terms import Facts, Terms
from addend.modality import Field, Schema
from addend.parameters import Parameter, ParameterSpace
from addend.scalar import Lazy, Sum, constraints

A, B = (Parameter(n, "1", f"the {n} of a line", -30.0, 30.0) for n in "ab")
ETA = Parameter("left.eta", "1", "a nuisance of the left", -30.0, 30.0, "", (0.0, 1.0))
SPACE = ParameterSpace((A, B, ETA))
SPACES = {"left": SPACE, "right": ParameterSpace((A, B))}
TRUTH = np.array([1.0, -0.5, 0.3])
COVARIATES = (
    Field("t", "1", "abscissa"),
    Field("d", "1", "shift"),
    Field("s", "1", "error", positive=True),
)
SCHEMA = Schema((Field("y", "1", "ordinate"),), COVARIATES)
SIGN = {"left": 1.0, "right": -1.0}


def mean(name, c, theta):
    """The mean at covariates c `(*, 3)` and theta `(*, D)`, of arrays or tensors."""
    eta = theta[..., 2] if name == "left" else 0.0
    return theta[..., 0] + SIGN[name] * theta[..., 1] * c[..., 0] + c[..., 1] * eta


@dataclass(frozen=True)
class Encoder:
    """psi in closed form, in the shape of an encoder."""

    name: str
    sharp: float = 1.0
    tilt: float = 0.0

    @property
    def space(self):
        return SPACES[self.name]

    def embed(self, columns):
        return tuple(torch.from_numpy(a) for a in (SCHEMA.x(columns), SCHEMA.c(columns)))

    def aligned(self, z, e, theta):
        r = (z[..., 0] - mean(self.name, e, theta)) / e[..., 2]
        return self.sharp * (self.tilt * theta[..., 0] - 0.5 * r**2)

    def psi(self, z, e, theta):
        return self.aligned(z[None], e[None], theta[:, None])


@dataclass(frozen=True)
class Line:
    """The simulator of one of the two."""

    name: str
    schema: Schema = SCHEMA

    def simulate(self, theta, covariates, rng):
        c = SCHEMA.c(covariates)
        return {"y": mean(self.name, c, theta) + c[:, 2] * rng.standard_normal(len(theta))}


def covariates(n, rng):
    """n rows."""
    return {"t": rng.uniform(-1, 1, n), "d": rng.uniform(0, 1, n), "s": rng.uniform(0.5, 1.5, n)}


def observe(n, rng, names=("left", "right"), truth=TRUTH):
    """The observations of each modality at one truth."""
    given = {m: covariates(n, rng) for m in names}
    return {m: c | Line(m).simulate(np.tile(truth, (n, 1)), c, rng) for m, c in given.items()}


def laboratory(n=12, seed=0, names=("left", "right"), observed=None, **planted) -> Laboratory:
    """The fusion of n observations of each."""
    observed = observed or observe(n, np.random.default_rng(seed), names)
    encoders = {m: Encoder(m, **planted) for m in names}
    terms = [Lazy(encoders[m], observed[m]) for m in names]
    space = SPACE if "left" in names else SPACES["right"]
    return Laboratory(
        Sum([*terms, *constraints(space)], space), encoders, {m: Line(m) for m in names}, observed
    )


def terms(lab: Laboratory, **records: Record) -> Terms:
    """What `evaluate` would have left, with a calibration record for some of the encoders."""
    named = {"name": "line", "digest": "0" * 64}
    facts = {m: Facts("lines", n, encoder=named, title="a line") for m, n in lab.n.items()}
    return Terms(lab.scalar, lab.psi, {m: records.get(m) for m in lab.psi}, facts)


def normal_draws(fit, n=4000, seed=5):
    """Draws of the posterior at a fit, S being quadratic."""
    covariance = fit.covariance.numpy()
    return np.random.default_rng(seed).multivariate_normal(fit.theta.numpy(), covariance, n)


def bias_record(n_star: float, names=("a", "b"), n=10**7) -> Record:
    """The record of an encoder whose trust size is n_star, measured without noise worth the name."""
    b = np.zeros((1, len(names)))
    b[0, 0] = n_star**-0.5
    eye = np.eye(len(names))[None]
    moments = ScoreMoments(
        names, np.zeros((1, len(names))), [n], n * b, n * (eye + b[0, :, None] * b[0]), -n * eye
    )
    return Record("left", names, 10, True, {"score": moments})
