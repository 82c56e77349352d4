"""The integral of a density over z, found without knowing where it is.

    C(theta) = int exp psi(z; theta) dz

by importance from a Student law, which is moved to the mean and the covariance of its own weighted draws (adaptive
importance sampling: Oh & Berger, J. Stat. Comput. Simul. 41 (1992) 143). Where simulations at theta are at hand, as in
`calibration.measure`, nothing need be moved.
"""

from typing import Any

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor

from addend.calibration.normalisation import Normalisation
from addend.heads import Head
from addend.numerics.students import student

ROUNDS = 3
WIDER, WIDE = 4.0, 1.5
RIDGE = 1e-6
"""Of the mean variance: enough for draws of which one has all the weight, far below any width."""


def integral(
    head: Head, z: Tensor, e: Tensor, phi: Tensor, rng: np.random.Generator, draws: int = 20_000
) -> Normalisation:
    """C at every phi `(J, K)`, each with one of the covariates `e (N, E)`; z `(N, Z)` says where to look first."""
    with torch.no_grad():
        found = [
            _importance(head, z.numpy(), e[j % len(e)], at, draws, rng) for j, at in enumerate(phi)
        ]
    psi, log_q = (np.stack(rows) for rows in zip(*found, strict=True))
    names = tuple(f"phi_{k}" for k in range(phi.shape[1]))
    return Normalisation.measure(names, phi.numpy(), psi, log_q)


def _importance(
    head: Head, z: np.ndarray, e: Tensor, phi: Tensor, n: int, rng: np.random.Generator
) -> tuple[Any, ...]:
    """psi and log q `(n,)` at draws of the last round's law."""
    location, shape = z.mean(axis=0), WIDER * _covariance(z, np.full(len(z), 1 / len(z)))
    for _ in range(ROUNDS):
        x, log_q = student(location, shape, n, rng)
        at = torch.from_numpy(x), e.expand(n, -1), phi.expand(n, -1)
        psi = head(*at).double().numpy()
        weight = softmax(psi - log_q)
        location, shape = weight @ x, WIDE * _covariance(x, weight)
    return psi, log_q


def _covariance(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    centred = x - weight @ x
    covariance = centred.T @ (weight[:, None] * centred)
    return covariance + RIDGE * np.diagonal(covariance).mean() * np.eye(len(covariance))
