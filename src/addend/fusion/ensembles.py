"""What an ensemble of encoders says of the error that training left to chance.

With the score g_k of member k of a modality and g that of the ensemble, at theta_hat, one Newton step gives the theta_hat
that S would have with this member in the ensemble's place,

    theta_k = theta_hat + H^-1 (g_k - g),

and the scatter of the K of them, divided by K, is added to the sandwich covariance (`calibration.sandwich`).
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..calibration.sandwich import ensemble_covariance
from ..calibration.subspace import pseudo_inverse
from ..encoder import Encoder
from ..heads import Ensemble
from ..maximum.fit import Fit
from ..scalar import Lazy, Psi, Scalar, Sum


def members(psi: Psi) -> list[Psi]:
    """The encoder with each member of its ensemble for a head; none where its head is no ensemble."""
    if not (isinstance(psi, Encoder) and isinstance(psi.head, Ensemble)):
        return []
    return [replace(psi, head=own) for own in psi.head.members]


def widened(scalar: Sum, fit: Fit, covariance: np.ndarray) -> np.ndarray:
    """A covariance of theta_hat `(D, D)` and the scatter of every ensemble; as it is where no modality has one."""
    for term in scalar.flat:
        if isinstance(term.bare, Lazy) and (own := members(term.bare.encoder)):
            seen = [Lazy.embedded(psi, term.bare.z, term.bare.e) for psi in own]
            maxima = _maxima(scalar, fit, term, [term.like(each) for each in seen])
            covariance = ensemble_covariance(maxima, covariance[None])
    return covariance


def _maxima(scalar: Sum, fit: Fit, term: Scalar, own: list[Scalar]) -> np.ndarray:
    """theta_k `(K, D)`."""
    columns = scalar.space.index(term.space.names)
    at = fit.theta[columns][None]

    def score(one: Scalar) -> Tensor:
        return one.jet(at).gradient[0]

    off = torch.zeros(len(own), len(fit.space), dtype=torch.float64)
    off[:, columns] = torch.stack([score(one) for one in own]) - score(term)
    return fit.theta.numpy() + off.numpy() @ pseudo_inverse(-fit.hessian.numpy())
