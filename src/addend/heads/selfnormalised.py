r"""A density trained by comparison, so that the backbone may be trained with it.

Maximum likelihood on z = f(x) has no minimum in f: contracting z raises its density. Comparing the density at the true
theta with its own mean over the batch's theta cancels every such gain,

    loss = -E[ log q(z_i | theta_i, e_i) - log (1/B) sum_j q(z_i | theta_j, e_i) ],

since an invertible map of z multiplies q(z_i | theta_j) by one Jacobian for all j. It is the InfoNCE loss
(arXiv:2002.03712) with log q for critic and the whole batch for candidates: minus a lower bound on I(z; theta | e), which
cannot exceed log B. Its optimum is log q = log p(z | theta) + c(z), and q stays normalised in z for every theta.
"""

import math
from typing import Any

import torch
from torch import Tensor

from ..errors import BadSetting
from .wrapped import Wrapped


class SelfNormalised(Wrapped):
    """A density head under the comparison loss.

    Arguments:
        inner: `{"kind": ..., "config": ...}` of a normalised head, such as a flow.
    """

    kind = "self_normalised"
    normalised = True

    def __init__(self, inner: dict[str, Any]):
        super().__init__(inner)
        if not self.inner.normalised:
            raise BadSetting(
                f"a {self.inner.kind} head is no density in z",
                "give a head that is normalised, such as a flow",
            )

    def forward(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """log q(z | theta, e) `(*,)` in nats."""
        return self.inner(z, e, phi)

    def loss(
        self, z: Tensor, e: Tensor, phi: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """The comparison loss over a batch of B joint draws, in nats; at least -log B."""
        log_q = self.outer(z, e, phi)
        return (log_q.logsumexp(0) - math.log(len(z)) - log_q.diagonal()).mean()
