r"""Pseudo-experiments: the whole fusion repeated, at thetas of our choosing.

Repetition j is what the fusion would have seen had theta_j been true: the N_m observations of every modality at their
real covariates, from the modality's own simulator, and anew whatever constrains a nuisance, since a constraint is an
auxiliary measurement:

    x_mi ~ p_m(. | theta_j, c_mi),        a_j ~ N(eta_j, sd^2)  with the term  -(eta - a_j)^2 / (2 sd^2)

All repetitions together are one scalar function S(theta, j): a sum of terms like any other, whose last coordinate says
which repetition is meant. Whatever climbs, adds or leaves out terms of a scalar function does it to all of them in one
batch, as long as it does not move j. The covariates are the same in every repetition, so what an encoder makes of them
and of theta is computed once for each theta, not once for each (theta, observation).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..encoder import Encoder
from ..modality import Columns, Modality
from ..parameters import Parameter, ParameterSpace
from ..scalar import Constraint, Jet, Scalar, Sum

PAIRS = 2**13
"""(theta, observation) pairs, second derivatives of which are held at once; more would leave the cache."""


def which(n: int) -> Parameter:
    """The coordinate that says which of n repetitions is meant."""
    return Parameter(
        "repetition",
        "1",
        "The number of a repetition; not to be maximised over",
        0.0,
        float(max(n - 1, 1)),
    )


class Repeated(Scalar):
    """One encoder's term in J repetitions.

    Arguments:
        encoder: The encoder.
        z: What it makes of the observables `(J, N, Z)`.
        e: And of the covariates, `(1, N, E)` if they are the same in every repetition, else `(J, N, E)`.
        index: The coordinate that says which repetition; put after the encoder's own.
    """

    def __init__(self, encoder: Encoder, z: Tensor, e: Tensor, index: Parameter):
        self.encoder, self.z, self.e, self.name, self.n = encoder, z, e, encoder.name, z.shape[1]
        self.space = ParameterSpace((*encoder.space, index))
        self.rows = max(1, PAIRS // max(1, self.n))

    def psi(self, theta: Tensor, j: Tensor) -> Tensor:
        """psi `(B, N)` in nats of the observations of repetition `j (B,)` at theta `(B, D)`, or at `(B, N, D)`, one each."""
        phi = self.encoder.phi(theta.reshape(-1, theta.shape[-1])).reshape(*theta.shape[:-1], -1)
        e = self.e if len(self.e) == 1 else self.e[j]
        return self.encoder.head(self.z[j], e, phi if theta.ndim == 3 else phi[:, None]).double()

    def observations(self, theta: Tensor) -> Tensor:
        return torch.cat([self.psi(t[:, :-1], repetition(t)) for t in theta.split(self.rows)])

    def values(self, theta: Tensor) -> Tensor:
        return torch.cat(
            [self.psi(t[:, :-1], repetition(t)).sum(dim=1) for t in theta.split(self.rows)]
        )

    def jet(self, theta: Tensor) -> Jet:
        return Jet(
            *(
                torch.cat(group)
                for group in zip(*map(self._jet, theta.split(self.rows)), strict=True)
            )
        )

    def each_score(self, theta: Tensor) -> Tensor:
        """The gradient of each observation's psi, `(B, N, D)`, at theta `(B, D + 1)`."""
        return torch.cat([self._scores(t) for t in theta.split(self.rows)])

    def _jet(self, theta: Tensor) -> Jet:
        """One backward pass for each row of the Hessian: cheaper than one pass over D copies where rows are many."""
        j, columns = repetition(theta), list(range(len(self.encoder.space)))
        with torch.enable_grad():
            x = theta[:, :-1].detach().requires_grad_()
            value = self.psi(x, j).sum(dim=1)
            gradient = slope(value.sum(), x, create_graph=True)
            hessian = torch.stack([slope(g.sum(), x, retain_graph=True) for g in gradient.T], dim=1)
        jet = Jet(value.detach(), gradient.detach(), 0.5 * (hessian + hessian.mT))
        return jet.embed(columns, len(columns) + 1)

    def _scores(self, theta: Tensor) -> Tensor:
        with torch.enable_grad():
            each = theta[:, None, :-1].expand(-1, self.n, -1).detach().clone().requires_grad_()
            return slope(self.psi(each, repetition(theta)).sum(), each)


class Remeasured(Scalar):
    """A constraint whose auxiliary measurement is made anew in each of J repetitions.

    Arguments:
        constraint: The term of the real data.
        means: The measurements `(J,)`.
        index: The coordinate that says which repetition.
    """

    n = 0

    def __init__(self, constraint: Constraint, means: Tensor, index: Parameter):
        self.name, self.std, self.means = constraint.name, constraint.std, means
        self.space = ParameterSpace((*constraint.space, index))

    def values(self, theta: Tensor) -> Tensor:
        return -0.5 * ((theta[:, 0] - self.means[repetition(theta)]) / self.std).square()


def slope(y: Tensor, x: Tensor, **options: bool) -> Tensor:
    """The gradient of the number y in x; zero where it does not depend on x."""
    if not y.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(y, x, materialize_grads=True, **options)[0]


def repetition(theta: Tensor) -> Tensor:
    """The last coordinate of theta `(B, D + 1)` as whole numbers `(B,)`."""
    return theta[:, -1].detach().round().long()


@dataclass(frozen=True)
class Laboratory:
    """All it takes to repeat a fusion.

    Arguments:
        scalar: S of the real data, with its constraint terms.
        encoders: By modality, in the order of S.
        simulators: The modality of each.
        observed: The real observations of each, of which the covariates are kept.
    """

    scalar: Sum
    encoders: Mapping[str, Encoder]
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
        """S of J repetitions at theta `(J, D)`, a function of D + 1 coordinates."""
        index = which(len(theta))
        terms = [self._repeated(m, theta, index, rng) for m in self.encoders]
        terms += [Remeasured(c, self._measured(c, theta, rng), index) for c in self.constraints]
        return Sum(terms, ParameterSpace((*self.space, index)))

    def simulate(
        self, name: str, theta: np.ndarray, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """One observation of a modality at each theta `(K N, D)` of S, going K times through its N real covariates."""
        modality = self.simulators[name]
        passes = len(theta) // self.n[name]
        covariates = {
            f.name: np.tile(np.asarray(self.observed[name][f.name]), passes)
            for f in modality.schema.covariates
        }
        own = theta[:, self.space.index(self.encoders[name].space.names)]
        return {**modality.simulate(own, covariates, rng), **covariates}

    def _repeated(
        self, name: str, theta: np.ndarray, index: Parameter, rng: np.random.Generator
    ) -> Repeated:
        encoder, n = self.encoders[name], self.n[name]
        columns = self.simulate(name, np.repeat(theta, n, axis=0), rng)
        z, e = (a.reshape(len(theta), n, -1) for a in encoder.embed(columns))
        shared = bool((e == e[:1]).all())
        return Repeated(encoder, z, e[:1] if shared else e, index)

    def _measured(
        self, constraint: Constraint, theta: np.ndarray, rng: np.random.Generator
    ) -> Tensor:
        eta = theta[:, self.space.index(constraint.space.names)[0]]
        return torch.from_numpy(eta + constraint.std * rng.standard_normal(len(theta)))
