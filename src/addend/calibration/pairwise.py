"""The pairwise term: what two modalities say together beyond what they say alone, as one more addend.

    s_ab(theta) = sum_i log [ p(x_a, x_b | theta) / (p(x_a | theta) p(x_b | theta)) ]

is the logit of a classifier between pairs and re-pairings at the same theta. Added once to S_a + S_b,

    S = S_a + S_b + term.scalar(space, a, b)

it makes the sum over coupled pairs the joint log-likelihood again: exactly so for two modalities; for more, pairwise
terms are a first correction. The logit here is quadratic in the residuals of both z given theta (Gaussian sharing is
exactly that), its coefficients polynomials in theta where the coupling varies. Like every learned psi it has a score
bias of its own.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..numerics.polynomials import Polynomial, quadratic
from ..parameters import ParameterSpace
from ..scalar import Function
from .additive import plain
from .independence import Pairs, derange, equal_theta
from .logistic import fit_logistic


@dataclass(frozen=True, eq=False)
class PairwiseTerm:
    """log p(a, b | theta) - log p(a | theta) - log p(b | theta), nats a pair, up to a constant.

    Arguments:
        names: The two modalities.
        low, high, degree: Box and degree of the polynomials that give E[z | theta].
        vary: The degree in theta of the logit's coefficients.
        means: `(B, A + B')`, of both z side by side.
        scale: The residuals' standard deviations `(A + B',)`.
        coefficients: Of the logit.
    """

    names: tuple[str, str]
    low: tuple[float, ...]
    high: tuple[float, ...]
    degree: int
    vary: int
    means: np.ndarray
    scale: np.ndarray
    coefficients: np.ndarray

    @classmethod
    def learn(
        cls,
        pairs: Pairs,
        rng: np.random.Generator,
        degree: int = 3,
        vary: int = 0,
        repairings: int = 8,
    ) -> "PairwiseTerm":
        """From simulated pairs, each re-paired a few times at the same theta."""
        pairs = pairs.ordered()
        basis, z = (
            Polynomial.around(pairs.theta, degree),
            np.concatenate([pairs.a, pairs.b], axis=1),
        )
        features = basis.features(pairs.theta)
        means = np.linalg.lstsq(features, z, rcond=None)[0]
        scale, blocks = (z - features @ means).std(axis=0), equal_theta(pairs.theta)
        scale[scale == 0] = 1.0
        self = cls(pairs.names, basis.low, basis.high, degree, vary, means, scale, np.zeros(0))
        return self._taught(pairs, [derange(blocks, rng) for _ in range(repairings)])

    def __call__(self, theta: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """s_ab `(J,)` in nats: the sum over pairs a `(N, A)`, b `(N, B')`, at each theta `(J, P)`."""
        with torch.no_grad():
            return self.each(torch.from_numpy(np.atleast_2d(theta)), a, b).sum(dim=1).numpy()

    def scalar(self, space: ParameterSpace, a: np.ndarray, b: np.ndarray) -> Function:
        """s_ab of observed pairs, to be added to a sum; `space` has the parameters in the order that the term was taught."""
        return Function(space, lambda theta: self.each(theta, a, b), len(a), "x".join(self.names))

    def each(self, theta: Tensor, a: np.ndarray, b: np.ndarray) -> Tensor:
        """s_ab `(J, N)` in nats of each pair at each theta `(J, P)`; differentiable in theta."""
        varying = self._varying(theta)
        slopes = varying @ torch.from_numpy(self.coefficients).view(-1, varying.shape[-1]).T
        return (self._quadratic(theta[:, None], a, b) @ slopes[..., None])[..., 0]

    def _quadratic(self, theta: Tensor, a: np.ndarray, b: np.ndarray) -> Tensor:
        """One, the residuals and their products in pairs `(*, F)`, of pairs `(N, .)` at theta `(*, P)`, broadcast."""
        means = torch.stack(
            Polynomial(self.low, self.high, self.degree).monomials(theta), dim=-1
        ) @ torch.from_numpy(self.means)
        r = (torch.from_numpy(np.concatenate([a, b], axis=1)) - means) / torch.from_numpy(
            self.scale
        )
        return quadratic(r)

    def _varying(self, theta: Tensor) -> Tensor:
        """The monomials `(*, V)` in theta of which each coefficient of the logit is a sum."""
        return torch.stack(Polynomial(self.low, self.high, self.vary).monomials(theta), dim=-1)

    def _features(self, theta: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        at = torch.from_numpy(theta)
        return (
            (self._quadratic(at, a, b)[..., :, None] * self._varying(at)[..., None, :])
            .flatten(-2)
            .numpy()
        )

    def _taught(self, pairs: Pairs, shuffles: list[np.ndarray]) -> "PairwiseTerm":
        rows = [self._features(pairs.theta, pairs.a, pairs.b)]
        rows += [self._features(pairs.theta, pairs.a, pairs.b[s]) for s in shuffles]
        y = np.repeat([1.0] + [0.0] * len(shuffles), len(pairs.theta))
        return type(self)(**{**vars(self), "coefficients": fit_logistic(np.concatenate(rows), y)})

    def as_dict(self) -> dict[str, Any]:
        """The term as plain JSON."""
        return plain(asdict(self))

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> "PairwiseTerm":
        """The term that `as_dict` described."""
        arrays = ("means", "scale", "coefficients")
        given: dict[str, Any] = {
            k: np.asarray(v) if k in arrays else tuple(v) if isinstance(v, list) else v
            for k, v in d.items()
        }
        return cls(**given)
