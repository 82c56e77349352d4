r"""The classifier family: psi(x; theta) = log p(x | theta, e) / p_0(x | e) from one network and four losses.

A classifier that tells joint draws from products of marginals has learned a likelihood ratio. Both classes come from one
batch: the products are the batch's own theta permuted, while the covariates e stay with their x, so that

    joint    (x, theta)  ~ pi(theta) p(x | theta, e),
    product  (x, theta') ~ pi(theta') p_0(x | e),           p_0(x | e) = int pi(theta) p(x | theta, e) dtheta,

share one theta law by construction. Were the laws pi_1 and pi_0, every observation would add log pi_1/pi_0 (theta) to S.

With psi_0 the value at the joint draw and psi_1 ... psi_K those at products:

    binary     softplus(-psi_0) + softplus(psi_k)                            NRE-A, Hermans et al., arXiv:1903.04057
    info_nce   -psi_0 + log sum_{k<=K} exp psi_k                             NRE-B, Durkan et al., arXiv:2002.03712
    nre_c      -(1/(1+g)) log q_none(psi_1 ... psi_K) - (g/(1+g)) log q_0(psi_0 ... psi_{K-1}),
               q_none = K / (K + g sum_j exp psi_j),  q_k = g exp psi_k / (K + g sum_j exp psi_j)
                                                                             NRE-C, Miller et al., arXiv:2210.06170
    balanced   binary + lambda (E_joint sigmoid(psi) + E_product sigmoid(psi) - 1)^2, lambda = 100
                                                                             BNRE, Delaunoy et al., arXiv:2208.13624

All optima are the log ratio, but `info_nce` leaves an arbitrary c(x) free: harmless in S, fatal to the check that
E_{p_0}[exp psi] = 1 for every theta. The backbone f_m may be trained through any of these losses.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, silu, softplus
from zuko.nn import MLP

from ..errors import BadSetting, EmptyTable
from .base import Head
from .laws import require_one_law

BLOCK = 4096


def binary(joint: Tensor, product: Tensor) -> Tensor:
    """The logistic loss in nats of `joint (B,)` against `product (B, K)`, the classes weighted equally."""
    return softplus(-joint).mean() + softplus(product).mean()


def info_nce(joint: Tensor, product: Tensor) -> Tensor:
    """Minus the log probability of picking the joint draw `(B,)` among itself and the products `(B, K)`."""
    return (torch.cat([joint[:, None], product], -1).logsumexp(-1) - joint).mean()


def nre_c(joint: Tensor, product: Tensor, gamma: float = 1.0) -> Tensor:
    """NRE-C: K candidates of which one or none is joint, with odds gamma. It pins the c(x) that `info_nce` leaves free."""
    k, log_gamma = product.shape[-1], math.log(gamma)
    log_k = product.new_full((len(joint), 1), math.log(k))
    independent = torch.cat([log_k, log_gamma + product], -1)
    dependent = torch.cat([log_k, log_gamma + joint[:, None], log_gamma + product[:, :-1]], -1)
    none = independent.logsumexp(-1).mean() - math.log(k)
    one = (dependent.logsumexp(-1) - log_gamma - joint).mean()
    return (none + gamma * one) / (1 + gamma)


def balanced(joint: Tensor, product: Tensor, strength: float = 100.0) -> Tensor:
    """The logistic loss, penalised until the two classes' mean probabilities add to one."""
    unbalance = logsigmoid(joint).exp().mean() + logsigmoid(product).exp().mean() - 1
    return binary(joint, product) + strength * unbalance**2


OBJECTIVES = {"binary": binary, "info_nce": info_nce, "nre_c": nre_c, "balanced": balanced}


class Ratio(Head):
    """One network psi(z, e, phi) under any of the classifier losses.

        psi = <v, p> + <c, silu(M p + m)>,          p = a(z, e) * b(phi)  elementwise.

    a and b are networks of their own, evaluated once for an observation and once for a theta however many these are crossed
    with; what a pair costs is one hidden layer (docs/decisions/ratio-head.md).

    Arguments:
        observables, covariates, coordinates: The sizes Z, E and K of z, e and phi.
        objective: A name in `OBJECTIVES`.
        candidates: The number of products for each joint draw.
        hidden: Widths of the hidden layers of a, and of b.
        factors: The length of a, b and p.
        units: The width of the layer that sees pairs.
    """

    kind = "ratio"
    normalised = False

    def __init__(
        self, observables: int, covariates: int, coordinates: int, objective: str = "nre_c",
        candidates: int = 8, hidden: Sequence[int] = (64, 64), factors: int = 48, units: int = 48,
    ):  # fmt: skip
        super().__init__()
        if objective not in OBJECTIVES:
            known = ", ".join(OBJECTIVES)
            raise BadSetting(
                f"there is no ratio objective '{objective}', expected one of {known}",
                "name one of them",
            )
        self.observables, self.covariates, self.coordinates = observables, covariates, coordinates
        self.objective, self.candidates, self.hidden = objective, candidates, list(hidden)
        self.anchored = objective != "info_nce"
        self.factors, self.units = factors, units
        self.a = MLP(
            observables + covariates, factors, hidden_features=self.hidden, activation=nn.SiLU
        )
        self.b = MLP(coordinates, factors, hidden_features=self.hidden, activation=nn.SiLU)
        self.mix, self.last = nn.Linear(factors, units), nn.Linear(units, 1)
        self.direct = nn.Linear(factors, 1, bias=False)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.direct.weight)

    def config(self) -> dict[str, Any]:
        """The arguments that rebuild this head."""
        return {
            "observables": self.observables, "covariates": self.covariates, "coordinates": self.coordinates,
            "objective": self.objective, "candidates": self.candidates, "hidden": self.hidden,
            "factors": self.factors, "units": self.units,
        }  # fmt: skip

    def forward(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """The log ratio `(*,)` in nats; z `(*, Z)`, e `(*, E)`, phi `(*, K)`."""
        return self.join(self.observed(z, e), self.theta(phi))

    def observed(self, z: Tensor, e: Tensor) -> Tensor:
        """a `(*, F)`, all that psi knows of an observation."""
        return self.a(torch.cat([z, e], -1))

    def theta(self, phi: Tensor) -> Tensor:
        """b `(*, F)`, all that psi knows of a theta."""
        return self.b(phi)

    def join(self, a: Tensor, b: Tensor) -> Tensor:
        """psi `(*,)` of a `(*, F)` and b `(*, F)`."""
        p = a * b
        return (self.direct(p) + self.last(silu(self.mix(p))))[..., 0]

    def loss(
        self,
        z: Tensor,
        e: Tensor,
        phi: Tensor,
        generator: torch.Generator | None = None,
        phi_product: Tensor | None = None,
    ) -> Tensor:
        """The objective over a batch of B joint draws, in nats.

        Arguments:
            phi_product: Where given, `(B, K)`: theta from which the products are drawn, instead of `phi`.

        Raises:
            ThetaLawMismatch: `phi_product` does not follow the law of `phi`.
        """
        if phi_product is not None:
            require_one_law(phi, phi_product)
        order, cycle = _cycle(phi, generator)
        a, b = (
            self.observed(z[order], e[order]),
            self.theta(phi[order[:cycle]]).repeat(len(phi) // cycle, 1),
        )
        other = b if phi_product is None else self.theta(phi_product)
        psi = self.join(a[:, None], torch.stack([b, *_followers(other, cycle, self.candidates)], 1))
        return OBJECTIVES[self.objective](psi[:, 0], psi[:, 1:])

    def outer(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """psi `(J, N)` of every `phi (J, K)` with every observation; without gradients, in blocks that stay in the cache."""
        a, b = self.observed(z, e), self.theta(phi)
        if torch.is_grad_enabled():
            return self.join(a, b[:, None])
        psi = (b * self.direct.weight) @ a.mT + self.last.bias
        columns = min(max(len(z), 1), BLOCK)
        rows = BLOCK // columns
        space = [
            a.new_empty(min(psi.numel(), rows * columns), width)
            for width in (self.factors, self.units)
        ]
        for thetas, line in zip(b.split(rows), psi.split(rows), strict=True):
            for x, block in zip(a.split(columns), line.split(columns, 1), strict=True):
                block += self._bent(x, thetas, *space)
        return psi

    def _bent(self, a: Tensor, b: Tensor, p: Tensor, hidden: Tensor) -> Tensor:
        """<c, silu(M p + m)> `(J, N)` of b `(J, F)` with a `(N, F)`; p and the hidden layer are written into what is given.

        Memory that is taken anew for every block can cost as much as the arithmetic.
        """
        p, hidden = p[: len(b) * len(a)], hidden[: len(b) * len(a)]
        torch.mul(b[:, None], a, out=p.view(len(b), len(a), self.factors))
        torch.addmm(self.mix.bias, p, self.mix.weight.mT, out=hidden)
        return (silu(hidden, inplace=True) @ self.last.weight[0]).view(len(b), len(a))


def _cycle(phi: Tensor, generator: torch.Generator | None) -> tuple[Tensor, int]:
    """The rows of `phi (B, .)` in random order, and the length of the cycles in it on which no theta comes twice.

    That is B, but B / 2 where rows come in pairs that share theta (`addend.sobol`): the firsts of all pairs, then the seconds.
    """
    pairs = len(phi) % 2 == 0 and torch.equal(phi[::2], phi[1::2])
    cycle = len(phi) // 2 if pairs else len(phi)
    if cycle < 2:
        raise EmptyTable(
            f"a batch of {len(phi)} has {cycle} theta, expected 2 or more for products of marginals",
            "use more draws",
        )
    where = generator.device if generator else phi.device
    order = torch.randperm(cycle, generator=generator, device=where)
    return (torch.cat([2 * order, 2 * order + 1]) if pairs else order), cycle


def _followers(rows: Tensor, cycle: int, candidates: int) -> list[Tensor]:
    """The k-th followers of all rows `(B, .)` on their cycles, k = 1, 2 ...: so never a row itself."""
    cycles = rows.unflatten(0, (-1, cycle))
    return [cycles.roll(-k, 1).flatten(0, 1) for k in range(1, min(candidates, cycle - 1) + 1)]
