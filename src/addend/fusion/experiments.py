r"""Pseudo-experiments: the whole fusion repeated, at thetas of our choosing.

Repetition j is what the fusion would have seen had theta_j been true: the N_m observations of every modality at their
real covariates, from the modality's own simulator, and anew whatever constrains a nuisance, since a constraint is an
auxiliary measurement:

    x_mi ~ p_m(. | theta_j, c_mi),        a_j ~ N(eta_j, sd^2)  with the term  -(eta - a_j)^2 / (2 sd^2)

J repetitions are J functions of one theta, held together: row b of theta is read by the function of repetition
`which[b]`. Whatever climbs, adds or leaves out terms of a scalar function does it to all of them in one batch, and asks
`rows` for the functions of the rows it goes on with. The covariates are the same in every repetition, so what an encoder
makes of them and of theta is computed once for each theta, not once for each (theta, observation).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..modality import Columns, Modality
from ..parameters import ParameterSpace
from ..scalar import Constraint, Jet, Psi, Scalar, Sum
from .interpolated import interpolated
from .repeated import Repeated


class Remeasured(Scalar):
    """A constraint whose auxiliary measurement is made anew in each repetition.

    Arguments:
        constraint: The term of the real data.
        means: The measurement of each row of theta `(B,)`.
    """

    n = 0

    def __init__(self, constraint: Constraint, means: Tensor):
        self.constraint, self.means = constraint, means
        self.name, self.space = constraint.name, constraint.space

    def rows(self, index: Tensor) -> "Remeasured":
        return Remeasured(self.constraint, self.means[index])

    def values(self, theta: Tensor) -> Tensor:
        return -0.5 * self._off(theta).square()

    def jet(self, theta: Tensor) -> Jet:
        off, std = self._off(theta), self.constraint.std
        slope = (-off / std)[:, None]
        return Jet(-0.5 * off.square(), slope, torch.full_like(slope, -1 / std / std)[:, None])

    def variability(self, theta: Any) -> np.ndarray:
        return self.constraint.variability(theta)

    def _off(self, theta: Tensor) -> Tensor:
        return (theta[:, 0] - self.means) / self.constraint.std


@dataclass(frozen=True)
class Laboratory:
    """All it takes to repeat a fusion.

    Arguments:
        scalar: S of the real data, with its constraint terms.
        psi: By modality, in the order of S.
        simulators: The modality of each.
        observed: The real observations of each, of which the covariates are kept.
    """

    scalar: Sum
    psi: Mapping[str, Psi]
    simulators: Mapping[str, Modality]
    observed: Mapping[str, Columns]

    @property
    def space(self) -> ParameterSpace:
        """The parameters of S."""
        return self.scalar.space

    @property
    def n(self) -> dict[str, int]:
        """The number of observations of each modality."""
        return {m: len(next(iter(columns.values()))) for m, columns in self.observed.items()}

    @property
    def constraints(self) -> list[Constraint]:
        """The constraint terms of S."""
        return [part for part in self.scalar.flat if isinstance(part, Constraint)]

    def repeat(self, theta: np.ndarray, rng: np.random.Generator) -> Sum:
        """S of J repetitions, drawn at theta `(J, D)`: row j of what it is asked belongs to repetition j."""
        terms: list[Scalar] = [self._repeated(m, theta, rng) for m in self.psi]
        terms += [Remeasured(c, self._measured(c, theta, rng)) for c in self.constraints]
        return Sum(terms, self.space)

    def simulate(
        self, name: str, theta: np.ndarray, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """One observation of a modality at each theta `(K N, D)` of S, going K times through its N real covariates."""
        modality = self.simulators[name]
        passes = len(theta) // self.n[name]
        covariates = {
            f.name: np.concatenate([np.asarray(self.observed[name][f.name])] * passes)
            for f in modality.schema.covariates
        }
        own = theta[:, self.space.index(self.psi[name].space.names)]
        return {**modality.simulate(own, covariates, rng), **covariates}

    def _repeated(self, name: str, theta: np.ndarray, rng: np.random.Generator) -> Scalar:
        psi, n = self.psi[name], self.n[name]
        each = max(1, self.simulators[name].schema.rows_at_once // n)
        drawn = (theta[start : start + each] for start in range(0, len(theta), each))
        made = [psi.embed(self.simulate(name, np.repeat(part, n, axis=0), rng)) for part in drawn]
        z, e = (torch.cat(part).reshape(len(theta), n, -1) for part in zip(*made, strict=True))
        shared = bool((e == e[:1]).all())
        own = torch.from_numpy(theta[:, self.space.index(psi.space.names)])
        repeated = interpolated(Repeated(psi, z, e[:1] if shared else e), own)
        return self.scalar.terms[name].like(repeated).named(name)

    def _measured(
        self, constraint: Constraint, theta: np.ndarray, rng: np.random.Generator
    ) -> Tensor:
        eta = theta[:, self.space.index(constraint.space.names)[0]]
        return torch.from_numpy(eta + constraint.std * rng.standard_normal(len(theta)))
