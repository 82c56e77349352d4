"""What a head, a backbone and a pair of theta laws must satisfy, each as a function that raises a named error.

A sum over observations multiplies every flaw by N, so what other estimators tolerate is refused here:

    curvature   theta_hat has a covariance only where psi is C2 in theta: the Hessian of a ReLU network is zero almost
                everywhere and its kinks become false modes of S.
    additivity  S is a sum over observations only if psi of one does not depend on the others in its batch.
    boundedness under a likelihood objective, scaling z = f(x) by a adds -Z log a to the loss: with a trainable f that is
                not invertible, or whose log|det| is left out, the loss has no minimum.
    one law     a ratio whose classes differ in their theta laws learns log pi_1/pi_0 (theta) once per observation.
"""

from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ThetaLawMismatch, UnboundedDensity, UnfitHead

SMOOTH = (
    nn.SiLU, nn.Softplus, nn.Tanh, nn.Sigmoid, nn.GELU, nn.Mish, nn.LogSigmoid, nn.Softmin, nn.Softmax, nn.LogSoftmax,
    nn.Tanhshrink, nn.MultiheadAttention,
)  # fmt: skip
COUPLED = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)
KINKED = (nn.modules.pooling._MaxPoolNd, nn.modules.pooling._AdaptiveMaxPoolNd)
FALSE_ALARM = 1e-6


class Invertible(nn.Module):
    """A backbone that is a bijection: `forward(x (*, X))` returns z `(*, X)` and log|det dz/dx| `(*,)` in nats."""


def require_smooth(module: nn.Module, where: str = "a path of theta") -> None:
    """Raise `UnfitHead` if `module` holds a layer that is not C2, or that couples the rows of a batch."""
    for name, layer in module.named_modules():
        kind = type(layer).__name__
        if isinstance(layer, COUPLED):
            raise UnfitHead(
                f"layer '{name}' of {where} is a {kind}, which makes psi of one observation depend on chance or on the others",
                "use LayerNorm, or fixed statistics",
            )
        activation = type(layer).__module__ == "torch.nn.modules.activation"
        if isinstance(layer, KINKED) or (activation and not isinstance(layer, SMOOTH)):
            raise UnfitHead(
                f"layer '{name}' of {where} is a {kind}, which is not C2: the curvature of S is zero or jumps",
                "use SiLU, Softplus, Tanh or GELU",
            )


def require_frozen_or_invertible(backbone: nn.Module | None, counted: bool = False) -> None:
    """Raise `UnboundedDensity` if `backbone` has anything to train under a likelihood objective and is no bijection.

    A backbone that counts log|det| is an `Invertible`, or said to be `counted`; None is no backbone at all.
    """
    trainable = (
        []
        if backbone is None
        else [name for name, p in backbone.named_parameters() if p.requires_grad]
    )
    if trainable and not (counted or isinstance(backbone, Invertible)):
        raise UnboundedDensity(
            f"the backbone is trainable ('{trainable[0]}' and {len(trainable) - 1} more) under a likelihood objective: "
            "shrinking z raises its density without bound, so the loss has no minimum",
            "freeze it (requires_grad_(False)), give an Invertible with its log|det|, or train it through a ratio objective",
        )


def require_rowwise(backbone: nn.Module, x: Tensor, c: Tensor, where: str = "the backbone") -> None:
    """Raise `UnfitHead` unless `backbone(x (N, ...), c (N, C))` makes the same of two rows as of two rows among others."""
    with torch.no_grad():
        many, few = backbone(x, c), backbone(x[:2], c[:2])
    for a, b in zip(_tuple(many), _tuple(few), strict=True):
        if a is not None and not torch.allclose(a[:2], b, rtol=1e-4, atol=1e-5):
            raise UnfitHead(
                f"{where} makes {(a[:2] - b).abs().max():.2g} more or less of an observation in a batch of {len(x)} than of 2",
                "standardise by fixed statistics, not by those of the batch at hand",
            )


def require_one_law(theta: Tensor, other: Tensor) -> None:
    """Raise `ThetaLawMismatch` if two samples of theta `(*, K)` differ in law.

    A permutation always passes. Otherwise each coordinate is tested by Kolmogorov and Smirnov at a false-alarm rate of
    1e-6 in all; a difference that this cannot see tilts S by less than its noise only while N is well below len(theta).
    """
    a, b = theta.detach().cpu().double(), other.detach().cpu().double()
    if a.shape == b.shape and torch.equal(a.sort(0).values, b.sort(0).values):
        return
    from scipy.stats import ks_2samp  # which takes a second to import, and most never ask

    for k in range(a.shape[-1]):
        p = ks_2samp(a[:, k], b[:, k]).pvalue
        if not p > FALSE_ALARM / a.shape[-1]:
            raise ThetaLawMismatch(
                f"coordinate {k} of theta has another law in the products (mean {b[:, k].mean():.3g}) than in the joint draws "
                f"(mean {a[:, k].mean():.3g}; Kolmogorov-Smirnov p = {p:.1g}): log pi_1/pi_0 would enter S once per observation",
                "draw both from one law; a permutation of the joint draws is enough",
            )


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
