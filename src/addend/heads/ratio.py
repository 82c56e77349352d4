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

    Arguments:
        observables, covariates, coordinates: The sizes Z, E and K of z, e and phi.
        objective: A name in `OBJECTIVES`.
        candidates: The number of products for each joint draw.
        hidden: Widths of the hidden layers.
    """

    kind = "ratio"
    normalised = False

    def __init__(
        self, observables: int, covariates: int, coordinates: int, objective="nre_c", candidates=8, hidden=(64, 64, 64)
    ):
        super().__init__()
        if objective not in OBJECTIVES:
            known = ", ".join(OBJECTIVES)
            raise BadSetting(f"there is no ratio objective '{objective}', expected one of {known}", "name one of them")
        self.observables, self.covariates, self.coordinates = observables, covariates, coordinates
        self.objective, self.candidates, self.hidden = objective, candidates, list(hidden)
        self.observed = nn.Linear(observables + covariates, self.hidden[0])
        self.theta = nn.Linear(coordinates, self.hidden[0], bias=False)
        self.rest = MLP(self.hidden[0], 1, hidden_features=self.hidden[1:], activation=nn.SiLU)
        nn.init.zeros_(self.rest[-1].weight)

    def config(self) -> dict:
        """The arguments that rebuild this head."""
        return {
            "observables": self.observables, "covariates": self.covariates, "coordinates": self.coordinates,
            "objective": self.objective, "candidates": self.candidates, "hidden": self.hidden,
        }  # fmt: skip

    def forward(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """The log ratio `(*,)` in nats; z `(*, Z)`, e `(*, E)`, phi `(*, K)`."""
        return self.rest(silu(self.observed(torch.cat([z, e], -1)) + self.theta(phi)))[..., 0]

    def loss(self, z: Tensor, e: Tensor, phi: Tensor, generator=None, phi_product: Tensor | None = None) -> Tensor:
        """The objective over a batch of B joint draws, in nats.

        Arguments:
            phi_product: Where given, `(B, K)`: theta from which the products are drawn, instead of `phi`.

        Raises:
            ThetaLawMismatch: `phi_product` does not follow the law of `phi`.
        """
        if phi_product is not None:
            require_one_law(phi, phi_product)
        rows = _products(phi, self.candidates, generator).to(z.device)
        products = phi[rows] if phi_product is None else phi_product[rows]
        joint, product = self(z, e, phi), self(z[:, None], e[:, None], products)
        return OBJECTIVES[self.objective](joint, product)

    def outer(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """psi `(J, N)` of every `phi (J, K)` with every observation; without gradients, in blocks that stay in the cache."""
        if torch.is_grad_enabled():
            return super().outer(z, e, phi)
        x_part, theta_part = self.observed(torch.cat([z, e], -1)), self.theta(phi)
        psi = x_part.new_empty(len(phi), len(z))
        columns = min(max(len(z), 1), BLOCK)
        rows = BLOCK // columns
        space = [x_part.new_empty(min(psi.numel(), rows * columns), width) for width in self.hidden]
        for theta, line in zip(theta_part.split(rows), psi.split(rows), strict=True):
            for x, block in zip(x_part.split(columns), line.split(columns, 1), strict=True):
                block.copy_(self._block(theta, x, space))
        return psi

    def _block(self, theta: Tensor, x: Tensor, space: list[Tensor]) -> Tensor:
        """psi `(J, N)` from the parts `(J, H)` and `(N, H)` of the first layer, each layer written into its `space`.

        Memory that is taken anew for every block can cost as much as the arithmetic.
        """
        pairs, maps = len(theta) * len(x), [layer for layer in self.rest if not isinstance(layer, nn.SiLU)]
        hidden = space[0][:pairs]
        torch.add(theta[:, None], x, out=hidden.view(len(theta), len(x), hidden.shape[1]))
        for layer, out in zip(maps[:-1], space[1:], strict=True):
            hidden = torch.addmm(layer.bias, silu(hidden, inplace=True), layer.weight.mT, out=out[:pairs])
        return maps[-1](silu(hidden, inplace=True)).view(len(theta), len(x))


def _products(phi: Tensor, candidates: int, generator: torch.Generator | None) -> Tensor:
    """Rows `(B, K)`: the k-th followers of every row of `phi (B, .)` on one random cycle, so never a row itself.

    A batch that repeats the same theta block after block (groups of stratified noise) has a cycle in each block.
    """
    batch, block = len(phi), _block(phi)
    if block < 2:
        raise EmptyTable(f"a batch of {batch} has {block} theta, expected 2 or more for products of marginals", "use more draws")
    return torch.cat([start + _cycle(block, candidates, generator) for start in range(0, batch, block)])


def _block(phi: Tensor) -> int:
    """Rows after which `phi` repeats itself, all of them if it does not."""
    again = (phi[1:] == phi[:1]).all(-1).nonzero()
    block = int(again[0]) + 1 if len(again) else len(phi)
    return block if len(phi) % block == 0 and torch.equal(phi[block:], phi[:-block]) else len(phi)


def _cycle(batch: int, candidates: int, generator: torch.Generator | None) -> Tensor:
    order = torch.randperm(batch, generator=generator)
    steps = torch.arange(batch)[:, None] + torch.arange(min(candidates, batch - 1)) + 1
    return order[steps % batch][order.argsort()]
