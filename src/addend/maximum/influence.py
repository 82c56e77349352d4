r"""Which object pulls the answer: the influence of each observation, shard and modality on theta_hat. (Hampel 1974.)

Give observation i the weight w_i in S = sum_i w_i psi_i. By the implicit function theorem, at w = 1,

    influence_i = d theta_hat / d w_i = H^{-1} grad psi_i(theta_hat),       H = -grad^2 S at theta_hat,

in units of the parameters. Leaving out observation i moves theta_hat by about -influence_i. Influences add: that of a
shard or of a modality is the sum over its observations, and over all terms, constraints included, they sum to zero,
because the gradient of S vanishes at its maximum. Divide by the standard deviation to see who matters.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..scalar.base import Scalar
from .fit import Fit
from .layer import require_interior


@dataclass(frozen=True)
class Influence:
    """d theta_hat / d weight, in the unit of each parameter.

    Arguments:
        observations: By modality, `(N_m, D)`, shards one after the other.
        shards: By modality, `(shards, D)`.
        modalities: By modality or constraint, `(D,)`.
    """

    observations: dict[str, Tensor]
    shards: dict[str, Tensor]
    modalities: dict[str, Tensor]


def influence(scalar: Scalar, fit: Fit) -> Influence:
    """The influence of everything in S on theta_hat.

    Raises:
        NotInterior: theta_hat is at a bound or on a flat direction.
    """
    require_interior(fit)
    rows = {
        name: [_rows(scalar, part, fit) for part in term.flat]
        for name, term in scalar.terms.items()
    }
    return Influence(
        {name: torch.cat(parts) for name, parts in rows.items()},
        {name: torch.stack([p.sum(dim=0) for p in parts]) for name, parts in rows.items()},
        {name: torch.cat(parts).sum(dim=0) for name, parts in rows.items()},
    )


def _rows(scalar: Scalar, part: Scalar, fit: Fit) -> Tensor:
    columns = scalar.space.index(part.space.names)
    scores = part.scores(fit.theta[columns])
    full = scores.new_zeros(len(scores), len(scalar.space)).index_copy(
        1, torch.tensor(columns), scores
    )
    return torch.linalg.solve(-fit.hessian, full.T).T
