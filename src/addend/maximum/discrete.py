r"""Discrete theta: a finite set of models, compared by enumeration.

    p(k | data) = softmax_k [ S_k + log prior_k ],       k_hat = argmax_k [ S_k + log prior_k ]

S_k is S with the discrete parameters at their k-th value and any continuous ones maximised over: enumerate x optimise.
No gradient in k is taken, and none exists: neither do a Fisher information or a Cramer-Rao bound. With continuous
parameters left, softmax of maximised S compares best cases and is no posterior probability.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..scalar.base import Scalar
from ..scalar.forms import Fixed
from .fit import Fit
from .modes import maximise


@dataclass(frozen=True)
class Enumeration:
    """Every value of the discrete parameters.

    Arguments:
        candidates: `(K, k)` values tried.
        value: S_k `(K,)` in nats.
        probability: softmax of S_k + log prior `(K,)`.
        best: The row of the highest.
        fits: The fit of the continuous parameters for each; empty if there are none.
    """

    candidates: Tensor
    value: Tensor
    probability: Tensor
    best: int
    fits: tuple[Fit, ...]


def enumerate_models(
    scalar: Scalar,
    names: Sequence[str],
    candidates: Any,
    log_prior: Any = None,
    seed: int = 0,
) -> Enumeration:
    """Compare the rows of `candidates (K, k)`, values of the named discrete parameters.

    Arguments:
        scalar: S.
        names: The k discrete parameters.
        candidates: `(K, k)`, or `(K,)` for one parameter.
        log_prior: `(K,)` nats; uniform if None.
        seed: Of the maximisation over what is continuous.
    """
    candidates = torch.as_tensor(candidates, dtype=torch.float64).reshape(-1, len(names))
    held = [Fixed(scalar, dict(zip(names, row.tolist(), strict=True))) for row in candidates]
    if len(names) < len(scalar.space):
        fits = tuple(maximise(h, seed) for h in held)
        value = torch.tensor([f.value for f in fits], dtype=torch.float64)
    else:
        fits, value = (
            (),
            torch.cat([h(torch.zeros(1, 0, dtype=torch.float64)).detach() for h in held]),
        )
    total = value + (0.0 if log_prior is None else torch.as_tensor(log_prior, dtype=torch.float64))
    return Enumeration(candidates, value, total.softmax(dim=0), int(total.argmax()), fits)
