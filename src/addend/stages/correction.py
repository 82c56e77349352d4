r"""Local calibration of a fusion: theta_hat where the simulators, not the encoders, say that the observed score belongs.

For each modality, M_m = `times` N_m fresh simulations at thetas scattered around the centre and at the real covariates give
its line of the estimating equation (`calibration.local`). Two rounds: theta_c of the first, wider one is the centre of the
second. A constraint is exact. Chosen in params.yaml by `correction: {local: 20}`, and never on by default: it costs
sqrt(1 + N/M) of width and gains only what the encoders' bias is worth.
"""

from collections.abc import Mapping

import numpy as np

from ..calibration.local import DEFAULT, LocalCalibration, LocalMoments, Term, calibrate, constraint_term, design
from ..errors import BadSetting
from ..maximum.fit import Fit
from ..scalar import Lazy
from .experiments import Laboratory


def times(settings: Mapping) -> int | None:
    """Simulations an observation that a fusion's `correction` asks for; None without one. Raises `BadSetting`."""
    chosen = settings.get("correction")
    if chosen is None:
        return None
    if chosen == "local":
        return DEFAULT
    if isinstance(chosen, dict) and list(chosen) == ["local"] and isinstance(chosen["local"], int):
        return chosen["local"]
    what = f"correction is '{chosen}', expected local, or local with a number"
    raise BadSetting(what, f"write 'correction: {{local: {DEFAULT}}}' in params.yaml")


def correct(laboratory: Laboratory, fit: Fit, times: int, seed: int) -> LocalCalibration:
    """theta_c with its covariance; raises `TooFewSimulations` below five simulations an observation."""
    space = laboratory.space
    theta_hat, spread = fit.theta.numpy(), _spread(fit)
    observed = laboratory.scalar.jet(fit.theta[None]).gradient[0].numpy()
    rng, centre = np.random.default_rng([seed, *b"local"]), theta_hat
    for k, wide in ((max(times // 2, 5), 4.0), (times, 1.5)):
        terms = [_term(laboratory, m, theta_hat, centre, spread, k, wide, rng) for m in laboratory.encoders]
        terms += [_constraint(laboratory, c, theta_hat, centre) for c in laboratory.constraints]
        found = calibrate(space.names, theta_hat, centre, terms, observed)
        centre = np.clip(found.theta, space.low, space.high)
    return found


def _term(laboratory, name: str, theta_hat, centre, spread, times: int, wide: float, rng) -> Term:
    encoder, n, space = laboratory.encoders[name], laboratory.n[name], laboratory.space
    theta = design(centre, spread, times * n, rng, space.low, space.high, wide)
    z, e = encoder.embed(laboratory.simulate(name, theta, rng))
    own = space.index(encoder.space.names)
    scores = Lazy.embedded(encoder, z, e).scores(theta_hat[own]).numpy()
    return LocalMoments.measure(encoder.space.names, centre[own], theta[:, own], scores).term(n)


def _constraint(laboratory: Laboratory, constraint, theta_hat, centre) -> Term:
    d = laboratory.space.index(constraint.space.names)[0]
    return constraint_term(constraint.space.names[0], constraint.std, float(centre[d]), float(theta_hat[d]))


def _spread(fit: Fit) -> np.ndarray:
    """The covariance in which the design is scattered: the curvature's, and the prior's where there is none."""
    covariance = fit.covariance.numpy().copy()
    blind = ~np.isfinite(np.diagonal(covariance)) | (np.diagonal(covariance) == 0)
    covariance[blind], covariance[:, blind] = 0.0, 0.0
    covariance[blind, blind] = (fit.space.high - fit.space.low)[blind] ** 2 / 12
    return covariance
