"""What an ensemble of encoders says of the error that training left to chance.

With the score g_k of member k of a modality and g that of the ensemble, at theta_hat, one Newton step gives the theta_hat
that S would have with this member in the ensemble's place,

    theta_k = theta_hat + H^-1 (g_k - g),

and the scatter of the K of them, divided by K, is added to the sandwich covariance (`calibration.sandwich`).
"""

from dataclasses import replace

import numpy as np
import torch

from ..calibration.sandwich import ensemble_covariance
from ..calibration.subspace import pseudo_inverse
from ..heads import Ensemble
from ..maximum.fit import Fit
from ..scalar import Lazy
from .terms import Terms
from .weights import Adjusted


def members(encoder) -> list:
    """The encoder with each member of its ensemble for a head; none where its head is no ensemble."""
    if isinstance(encoder, Adjusted):
        return [Adjusted(own, encoder.centring, encoder.weight) for own in members(encoder.encoder)]
    head = encoder.head
    return (
        [replace(encoder, head=own) for own in head.members] if isinstance(head, Ensemble) else []
    )


def widened(terms: Terms, fit: Fit, covariance: np.ndarray) -> np.ndarray:
    """A covariance of theta_hat `(D, D)` and the scatter of every ensemble; as it is where no modality has one."""
    for term in terms.scalar.flat:
        if isinstance(term, Lazy) and (own := members(term.encoder)):
            covariance = ensemble_covariance(_maxima(terms, fit, term, own), covariance[None])
    return covariance


def _maxima(terms: Terms, fit: Fit, term: Lazy, own: list) -> np.ndarray:
    """theta_k `(K, D)`."""
    columns = terms.scalar.space.index(term.space.names)
    at = fit.theta[columns][None]
    scores = [Lazy.embedded(encoder, term.z, term.e).jet(at).gradient[0] for encoder in own]
    off = torch.zeros(len(own), len(fit.space), dtype=torch.float64)
    off[:, columns] = torch.stack(scores) - term.jet(at).gradient[0]
    return fit.theta.numpy() + off.numpy() @ pseudo_inverse(-fit.hessian.numpy())
