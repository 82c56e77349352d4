"""Score-centring: subtract from psi the smooth function of theta whose gradient is its score bias.

    psi_c(x; theta) = psi(x; theta) - B(theta),      grad B ~ b(theta) = E_theta[grad psi].

B is a polynomial fitted to the measured b by least squares, each cell weighted by (J/n)^{-1}, so that S_c = S - N B
stays a scalar function. A b that is no gradient leaves a residual, the curl. The noise of b enters S_c: with R
calibration simulations and B's few coefficients it inflates the standard deviation by about sqrt(1 + N/R), so R must
exceed N many times. A global fit helps poor encoders and hurts good ones; `helps` therefore asks a second pool, not
used in the fit, and the record decides.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..numerics.linear import applied, lstsq, product
from ..numerics.polynomials import Polynomial
from .additive import plain
from .score import ScoreMoments, pooled_p_value, squared_bias
from .subspace import whitener
from .trust import trust_size


@dataclass(frozen=True)
class Centring:
    """B(theta), in nats an observation.

    Arguments:
        names: The P parameters.
        low, high, degree: The polynomial's box and degree.
        coefficients: One a monomial, the constant excepted `(B - 1,)`.
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    degree: int
    coefficients: tuple[float, ...]

    @property
    def basis(self) -> Polynomial:
        """The monomials."""
        return Polynomial(self.low, self.high, self.degree)

    def __call__(self, theta: Any) -> Any:
        """B `(*,)` at theta `(*, P)`, an array of numpy or a tensor of torch; differentiable."""
        return sum(
            a * m for a, m in zip(self.coefficients, self.basis.monomials(theta)[1:], strict=True)
        )

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """grad B `(*, P)` at theta `(*, P)`."""
        return np.einsum(
            "b,...bp->...p", self.coefficients, self.basis.gradients(theta)[..., 1:, :]
        )

    def apply(self, moments: ScoreMoments) -> ScoreMoments:
        """The score moments of psi - B, but for the Hessian of B, which is of the order of b and left alone."""
        shift, n = self.gradient(moments.cells), moments.n[:, None, None]
        crossed = moments.gradient[:, :, None] * shift[:, None, :]
        outer = (
            moments.outer
            - crossed
            - crossed.transpose(0, 2, 1)
            + n * shift[:, :, None] * shift[:, None, :]
        )
        return replace(moments, gradient=moments.gradient - n[:, :, 0] * shift, outer=outer)

    def as_dict(self) -> dict[str, Any]:
        """The function as plain JSON."""
        return plain(asdict(self))

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> "Centring":
        """The function that `as_dict` described."""
        given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in d.items()}
        return cls(**given)


def fit_centring(
    moments: ScoreMoments, low: np.ndarray, high: np.ndarray, degree: int = 3
) -> Centring:
    """The B whose gradient is closest to the measured b, on the box `low (P,)`, `high (P,)`."""
    basis = Polynomial(tuple(map(float, low)), tuple(map(float, high)), degree)
    gradients = basis.gradients(moments.cells)[:, 1:, :]
    rows, values = [], []
    for slope, b, J, scale, n in zip(
        gradients, moments.bias, moments.J, moments.scale, moments.n, strict=True
    ):
        w = whitener(J, scale) * np.sqrt(n)
        rows.append(product(w.T, slope.T))
        values.append(applied(w, b))
    coefficients = lstsq(np.concatenate(rows), np.concatenate(values), rcond=1e-10)
    return Centring(moments.names, basis.low, basis.high, degree, tuple(coefficients.tolist()))


def residual_curl(centring: Centring, moments: ScoreMoments) -> float:
    """The part of b' J^{-1} b, noise subtracted and averaged over the cells, that no gradient of this degree removes."""
    size, p = squared_bias(centring.apply(moments))
    return float((size - p / moments.n).mean())


def helps(centring: Centring, audit: ScoreMoments, false_alarm: float = 0.05) -> bool:
    """Whether a pool not used in the fit shows a bias at all, and a larger N* with the correction than without."""
    return (
        pooled_p_value(audit) < false_alarm
        and trust_size(centring.apply(audit)).low > trust_size(audit).low
    )
