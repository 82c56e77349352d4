r"""Local calibration of a fusion: theta_hat where the simulators, not the encoders, say that the observed score belongs.

    sum_m sum_i E_{theta_c}[ grad psi_m(x_mi; t) ] = grad S(t),        t = theta_hat        (`calibration.local`)

is solved for theta_c. The expectation at a theta is the mean over `times` fresh simulations of each observation, at its
own covariates; the step is Newton's with the curvature of S, which differs from the slope of the left side by no more
than the gradient of the score's bias, and which `ROUNDS` steps with the same random numbers make good. (A slope fitted
to scattered thetas would mix what the observations of a small, uneven catalogue say, and bend along a degeneracy.)

    Cov(theta_c) = H^{-1} [ sum_m sum_i Var(grad psi_m) (1 + 1 / times) ] H^{-1}

A constraint is exact. Chosen in params.yaml by `correction: {local: 20}`, and never on by default: it gains no more than
the encoders' bias is worth. The other corrections change S itself (`terms`); whichever are on, S is theirs here too.
"""

import numpy as np
import torch

from ..calibration.local import LocalCalibration, Term, constraint_term, locate, require_enough
from ..maximum.fit import Fit
from ..scalar import Constraint, Lazy
from .experiments import Laboratory

ROUNDS = 4


def correct(laboratory: Laboratory, fit: Fit, times: int, seed: int) -> LocalCalibration:
    """theta_c with its covariance; raises `TooFewSimulations` below five simulations an observation."""
    space, theta_hat = laboratory.space, fit.theta.numpy()
    for name, n in laboratory.n.items():
        require_enough(times * n, n, name)
    observed, centre = laboratory.scalar.jet(fit.theta[None]).gradient[0].numpy(), theta_hat
    for _ in range(ROUNDS):
        rng = np.random.default_rng([seed, *b"local"])
        terms = [_term(laboratory, m, theta_hat, centre, times, rng) for m in laboratory.psi]
        terms += [_constraint(laboratory, c, theta_hat, centre) for c in laboratory.constraints]
        found = locate(space.names, theta_hat, centre, terms, observed)
        centre = np.clip(found.theta, space.low, space.high)
    return found


def _term(
    laboratory: Laboratory,
    name: str,
    theta_hat: np.ndarray,
    centre: np.ndarray,
    times: int,
    rng: np.random.Generator,
) -> Term:
    """A modality's line of the equation: the mean of its whole score at `centre`, its curvature at theta_hat, and J."""
    psi, term, n = laboratory.psi[name], laboratory.scalar.terms[name], laboratory.n[name]
    at = theta_hat[laboratory.space.index(psi.space.names)]
    z, e = psi.embed(laboratory.simulate(name, np.tile(centre, (times * n, 1)), rng))
    scores = term.like(Lazy.embedded(psi, z, e)).scores(at).numpy().reshape(times, n, -1)
    away = scores - scores.mean(axis=0)
    J = np.einsum("tnp,tnq->pq", away, away) / (times - 1)
    H = -term.jet(torch.from_numpy(at)[None]).hessian[0].numpy()
    return Term(psi.space.names, 1, scores.mean(axis=0).sum(axis=0), H, J, 1 / times)


def _constraint(
    laboratory: Laboratory, constraint: Constraint, theta_hat: np.ndarray, centre: np.ndarray
) -> Term:
    d = laboratory.space.index(constraint.space.names)[0]
    return constraint_term(
        constraint.space.names[0], constraint.std, float(centre[d]), float(theta_hat[d])
    )
