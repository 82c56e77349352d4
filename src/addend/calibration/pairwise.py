"""The pairwise term: what two modalities say together beyond what they say alone, as one more addend.

    s_ab(theta) = sum_i log [ p(x_a, x_b | theta) / (p(x_a | theta) p(x_b | theta)) ]

is the logit of a classifier between pairs and re-pairings at the same theta. Added once to S_a + S_b it makes the sum
over coupled pairs the joint log-likelihood again: exactly so for two modalities; for more, pairwise terms are a first
correction. The logit here is quadratic in the residuals of both z given theta (Gaussian sharing is exactly that), its
coefficients polynomials in theta where the coupling varies. Like every learned psi it has a score bias of its own.
"""

from dataclasses import asdict, dataclass

import numpy as np

from .additive import plain
from .basis import Polynomial
from .independence import Pairs, derange, equal_theta
from .information import quadratic
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
    def learn(cls, pairs: Pairs, rng: np.random.Generator, degree: int = 3, vary: int = 0, repairings: int = 8) -> "PairwiseTerm":
        """From simulated pairs, each re-paired a few times at the same theta."""
        pairs = pairs.ordered()
        basis, z = Polynomial.around(pairs.theta, degree), np.concatenate([pairs.a, pairs.b], axis=1)
        features = basis.features(pairs.theta)
        means = np.linalg.lstsq(features, z, rcond=None)[0]
        scale, blocks = (z - features @ means).std(axis=0), equal_theta(pairs.theta)
        scale[scale == 0] = 1.0
        self = cls(pairs.names, basis.low, basis.high, degree, vary, means, scale, np.zeros(0))
        return self._taught(pairs, [derange(blocks, rng) for _ in range(repairings)])

    def __call__(self, theta: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """s_ab `(J,)` in nats: the sum over pairs a `(N, A)`, b `(N, B')`, at each theta `(J, P)`."""
        return np.array([(self._features(np.tile(t, (len(a), 1)), a, b) @ self.coefficients).sum() for t in np.atleast_2d(theta)])

    def _features(self, theta: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        means = Polynomial(self.low, self.high, self.degree).features(theta) @ self.means
        r = (np.concatenate([a, b], axis=1) - means) / self.scale
        varying = Polynomial(self.low, self.high, self.vary).features(theta)
        return (quadratic(r)[:, :, None] * varying[:, None, :]).reshape(len(r), -1)

    def _taught(self, pairs: Pairs, shuffles: list[np.ndarray]) -> "PairwiseTerm":
        rows = [self._features(pairs.theta, pairs.a, pairs.b)]
        rows += [self._features(pairs.theta, pairs.a, pairs.b[s]) for s in shuffles]
        y = np.repeat([1.0] + [0.0] * len(shuffles), len(pairs.theta))
        return type(self)(**{**vars(self), "coefficients": fit_logistic(np.concatenate(rows), y)})

    def as_dict(self) -> dict:
        """The term as plain JSON."""
        return plain(asdict(self))

    @classmethod
    def from_dict(cls, d: dict) -> "PairwiseTerm":
        """The term that `as_dict` described."""
        arrays = ("means", "scale", "coefficients")
        return cls(**{k: np.asarray(v) if k in arrays else tuple(v) if isinstance(v, list) else v for k, v in d.items()})
