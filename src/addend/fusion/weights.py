r"""The terms of S as the `correction` of a fusion wants them: centred, weighted, or as they are.

    S(theta) = sum_m w_m sum_i [psi_m(x_mi; theta) - B_m(theta)] + constraints

`centring: true` subtracts N_m B_m (`calibration.centring`) where the encoder's record holds a B_m: it does only if an
independent half of the simulations said that N* gains by it. `weights: godambe` takes the w_m of largest Godambe
information (`calibration.sandwich`) from the J and H of the encoders' records, at the cell next to theta_hat of the
unweighted sum. A constraint is exact and keeps the weight 1; without constraints the largest w_m is 1. A weighted sum is no
log-likelihood: its curvature, profiles and posterior are no errors, while the sandwich and Neyman's intervals hold.

Both are properties of psi, so that the fit, its repetitions and whatever corrects them all see the same S.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..calibration import Centring, Record
from ..calibration.sandwich import godambe_weights
from ..encoder import Encoder
from ..errors import BadSetting
from ..maximum.modes import maximise
from ..modality import Columns
from ..parameters import ParameterSpace
from ..scalar import Constraint, Sum


class Adjusted:
    """w (psi - B), in the shape of an encoder.

    Arguments:
        encoder: psi.
        centring: B; zero if None.
        weight: w.
    """

    def __init__(self, encoder: Encoder, centring: Centring | None, weight: float):
        self.encoder, self.centring, self.weight = encoder, centring, weight
        self.name, self.space, self.record = encoder.name, encoder.space, encoder.record

    @property
    def manifest(self) -> dict:
        """That of the encoder."""
        return self.encoder.manifest

    def embed(self, columns: Columns) -> tuple[Tensor, Tensor]:
        """z `(N, Z)` and e `(N, E)`, the encoder's."""
        return self.encoder.embed(columns)

    def offset(self, theta: Tensor) -> Tensor:
        """B `(*,)` in nats an observation, at theta `(*, D)`."""
        return torch.zeros_like(theta[..., 0]) if self.centring is None else self.centring(theta)

    def phi(self, theta: Tensor) -> Tensor:
        """The encoder's coordinates of theta `(J, D)` and B, `(J, K + 1)`."""
        return torch.cat([self.encoder.phi(theta), self.offset(theta)[..., None]], dim=-1)

    def head(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """w (psi - B) in nats, of whatever shape psi has there."""
        return self.weight * (self.encoder.head(z, e, phi[..., :-1]) - phi[..., -1])

    def psi(self, z: Tensor, e: Tensor, theta: Tensor) -> Tensor:
        """w (psi - B) `(J, N)` in nats of every theta `(J, D)` with every embedded observation."""
        return self.weight * (self.encoder.psi(z, e, theta) - self.offset(theta)[:, None])


def adjusted(encoder: Encoder, facts: Mapping) -> Encoder | Adjusted:
    """The encoder as its term's facts want it: `centred` by its record, times `factor`; itself where they say nothing."""
    if not facts.get("centred") and "factor" not in facts:
        return encoder
    centring = Record.from_dict(encoder.record).centring if facts.get("centred") else None
    return Adjusted(encoder, centring, facts.get("factor", 1.0))


def has_centring(encoder: Encoder) -> bool:
    """Whether the encoder's record holds a centring."""
    return bool(encoder.record) and encoder.record["centring"] is not None


def described(facts: Mapping) -> str | None:
    """What was done to a term, in words."""
    said = [f"ensemble of {facts['members']}"] if "members" in facts else []
    said += ["centring"] * facts.get("centred", False)
    said += [f"Godambe weight {facts['factor']:.4g}"] if "factor" in facts else []
    return "; ".join(said) or None


def godambe_factors(
    scalar: Sum, encoders: Mapping[str, Encoder], n: Mapping[str, int], seed: int
) -> dict[str, float]:
    """w_m by modality.

    Arguments:
        scalar: The unweighted S, with its constraint terms.
        encoders, n: The encoder of each modality, with its record, and how many observations it sums.
        seed: Of the search for theta_hat.

    Raises:
        BadSetting: A record holds no moments of the score.
    """
    theta = maximise(scalar, seed).theta.numpy()
    H, J = zip(
        *(_moments(encoder, scalar.space, theta) for encoder in encoders.values()), strict=True
    )
    known, counts = _constraints(scalar), [n[m] for m in encoders]
    found = (
        godambe_weights([*counts, 1], np.array([*H, known]), np.array([*J, known]))
        if known.any()
        else None
    )
    found = (
        godambe_weights(counts, np.array(H), np.array(J))
        if found is None
        else found[:-1] / found[-1]
    )
    return dict(zip(encoders, found.tolist(), strict=True))


def _moments(
    encoder: Encoder, space: ParameterSpace, theta: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """H and J of an observation `(D, D)` at the cell of its record next to theta `(D,)`, zero in what it does not know."""
    if not encoder.record or "score" not in encoder.record["parts"]:
        what = f"the record of '{encoder.name}' has no moments of the score, from which 'weights: godambe' is computed"
        raise BadSetting(
            what, f"run 'addend calibrate {encoder.name}' and register it, or leave 'weights' out"
        )
    moments, own = Record.from_dict(encoder.record).parts["score"], space.index(encoder.space.names)
    u = encoder.space.to_unit(moments.cells) - encoder.space.to_unit(theta[own])
    near, found = (u**2).sum(axis=1).argmin(), np.zeros((2, len(space), len(space)))
    found[:, np.array(own)[:, None], own] = moments.H[near], moments.J[near]
    return found[0], found[1]


def _constraints(scalar: Sum) -> np.ndarray:
    """H = J `(D, D)` of all constraints together."""
    known = np.zeros((len(scalar.space),) * 2)
    for part, columns in zip(scalar.parts, scalar.columns, strict=True):
        if isinstance(part, Constraint):
            known[columns[0], columns[0]] += part.std**-2
    return known
