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

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..modality import Columns, Modality
from ..parameters import ParameterSpace
from ..scalar import Constraint, Jet, Psi, Scalar, Sum

PAIRS = 2**13
"""(theta, observation) pairs, second derivatives of which are held at once; more would leave the cache."""


class Repeated(Scalar):
    """One term in several repetitions; row b of theta belongs to repetition `which[b]`.

    Arguments:
        psi: What is summed.
        z: What it makes of the observables of J repetitions `(J, N, Z)`.
        e: And of the covariates, `(1, N, E)` if they are the same in every repetition, else `(J, N, E)`.
        which: The repetition of each row of theta `(B,)`; each of the J in turn if None.
    """

    def __init__(self, psi: Psi, z: Tensor, e: Tensor, which: Tensor | None = None):
        self.psi, self.z, self.e, self.name, self.n = psi, z, e, psi.name, z.shape[1]
        self.space = psi.space
        self.which = torch.arange(len(z)) if which is None else which
        self.chunk = max(1, PAIRS // max(1, self.n))

    def rows(self, index: Tensor) -> "Repeated":
        return Repeated(self.psi, self.z, self.e, self.which[index])

    def at(self, theta: Tensor, which: Tensor) -> Tensor:
        """psi `(B, N)` in nats of the observations of each `which (B,)` at theta `(B, D)`, or at `(B, N, D)`, one each."""
        e = self.e if len(self.e) == 1 else self.e[which]
        near = theta if theta.ndim == 3 else theta[:, None]
        return self.psi.aligned(self.z[which], e, near).double()

    def observations(self, theta: Tensor) -> Tensor:
        return torch.cat([self.at(*rows) for rows in self._chunks(theta)])

    def values(self, theta: Tensor) -> Tensor:
        return torch.cat([self.at(*rows).sum(dim=1) for rows in self._chunks(theta)])

    def jet(self, theta: Tensor) -> Jet:
        parts = [self._jet(*rows) for rows in self._chunks(theta)]
        return Jet(*(torch.cat(group) for group in zip(*parts, strict=True)))

    def each_score(self, theta: Tensor) -> Tensor:
        """The gradient of each observation's psi, `(B, N, D)`, at theta `(B, D)`."""
        return torch.cat([self._scores(*rows) for rows in self._chunks(theta)])

    def _chunks(self, theta: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        return zip(theta.split(self.chunk), self.which.split(self.chunk), strict=True)

    def _jet(self, theta: Tensor, which: Tensor) -> Jet:
        """One backward pass for each row of the Hessian: cheaper than one over D copies where rows are many."""
        with torch.enable_grad():
            x = theta.detach().requires_grad_()
            value = self.at(x, which).sum(dim=1)
            gradient = slope(value.sum(), x, create_graph=True)
            hessian = [slope(g.sum(), x, retain_graph=True) for g in gradient.T]
        rows = torch.stack(hessian, dim=1)
        return Jet(value.detach(), gradient.detach(), 0.5 * (rows + rows.mT))

    def _scores(self, theta: Tensor, which: Tensor) -> Tensor:
        with torch.enable_grad():
            each = theta[:, None].expand(-1, self.n, -1).detach().clone().requires_grad_()
            return slope(self.at(each, which).sum(), each)


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


def slope(y: Tensor, x: Tensor, **options: Any) -> Tensor:
    """The gradient of the number y in x; zero where it does not depend on x."""
    if not y.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(y, x, materialize_grads=True, **options)[0]


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
        repeated = Repeated(psi, z, e[:1] if shared else e)
        return self.scalar.terms[name].like(repeated).named(name)

    def _measured(
        self, constraint: Constraint, theta: np.ndarray, rng: np.random.Generator
    ) -> Tensor:
        eta = theta[:, self.space.index(constraint.space.names)[0]]
        return torch.from_numpy(eta + constraint.std * rng.standard_normal(len(theta)))
