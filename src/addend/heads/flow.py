r"""A normalised conditional likelihood: psi(x; theta) = log q(z | theta, covariates). (Cranmer 2026, section 2.2.1.)

Trained by maximum likelihood, the forward KL divergence to the simulator:

    loss = -E_{theta ~ pi, x ~ p(x | theta)} log q(x | theta),        q normalised in x for every theta,

so that at the optimum psi = log p(x | theta) and the constant C of the paper is one for every theta by construction.

The flow is triangular (Knothe-Rosenblatt), q = prod_d q_d(z_d | z_<d, theta, covariates), one conditional density for
each observable. Each is a location-scale map, which carries nearly everything in a measurement,

    r_d = (z_d - mu_d(theta, covariates)) / sigma_d,                sigma_d the quoted error where there is one,

followed by the monotone map whose density is a mixture of K Gaussians in r_d, with weights, offsets and widths from a
network of (theta, covariates, r_<d). In the language of flows that is one Gaussianization layer on a standard normal
base; its log-density in closed form is a logsumexp. It is C-infinity in theta, which a rational-quadratic spline is not:
there the Hessian of S jumps at every knot.

A count or a category has a probability in place of a density (`discrete`).

Because q is triangular, an observable that was not measured in some row is integrated out exactly by leaving out its
factor. Covariates are conditioned on, never modelled.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from . import discrete
from .base import Head, SplitMLP

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class Flow(Head):
    """A triangular conditional flow, one factor for each observable.

    Arguments:
        observables: One mapping for each observable, in order. `link` is "exp" for a location that must be positive,
            else "identity". `error` is (column, slope, offset): log sigma_d = slope e[column] + offset is the quoted
            error in units of z_d; or None. `present` is the column of the 0/1 covariate that says whether the
            observable was measured; or None. Of whole numbers `counts` is true, or `classes` says how many there are.
        covariates: The number of covariate features E.
        coordinates: The number of coordinates K of theta.
        location: The columns of e that the location may depend on.
        hidden: Widths of the hidden layers of the location's network.
        shape: Widths of those of the residuals' networks; they have less to say, and fewer weights fit less noise.
        components: The number of Gaussians of each factor.
    """

    kind = "flow"
    normalised = True

    def __init__(
        self,
        observables: Sequence[Mapping[str, Any]],
        covariates: int,
        coordinates: int,
        location: Sequence[int],
        hidden: Sequence[int] = (48, 48),
        shape: Sequence[int] = (24, 24),
        components: int = 4,
    ):
        super().__init__()
        self.observables = [dict(o) for o in observables]
        self.covariates, self.coordinates = covariates, coordinates
        self.location, self.components = list(location), components
        self.widths = {"hidden": list(hidden), "shape": list(shape)}
        n = len(self.observables)
        self.mu = SplitMLP([coordinates, len(self.location)], self.widths["hidden"], n)
        self.response = nn.Parameter(torch.zeros(n, coordinates + 1, len(self.location) + 1))
        self.shape = nn.ModuleList(
            SplitMLP([coordinates, covariates, d], self.widths["shape"], self._outputs(d))
            for d in range(n)
        )
        self.spread = nn.Parameter(torch.linspace(-0.5, 0.5, components).repeat(n, 1))
        self.blur = 0.0
        self.plain = False

    @property
    def whole(self) -> tuple[int, ...]:
        """The observables that are counts or categories."""
        named = enumerate(self.observables)
        return tuple(d for d, o in named if o.get("counts") or o.get("classes"))

    def config(self) -> dict[str, Any]:
        """The arguments that rebuild this flow."""
        return {
            "observables": self.observables, "covariates": self.covariates, "coordinates": self.coordinates,
            "location": self.location, "components": self.components, **self.widths,
        }  # fmt: skip

    def forward(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """log q(z | theta, covariates) `(*,)` in nats; z `(*, Z)`, e `(*, E)`, phi `(*, K)`."""
        where = e[..., self.location]
        location = self.mu(phi, where)
        residuals: list[Tensor] = []
        total = z.new_zeros(())
        for d, observable in enumerate(self.observables):
            mu = location[..., d].exp() if observable["link"] == "exp" else location[..., d]
            mu = mu + self._linear_response(d, phi, where)
            log_sigma = self._log_sigma(observable, e, mu)
            r, log_q = self._factor(d, z[..., d], mu, log_sigma, residuals, e, phi)
            total = total + (
                log_q if observable["present"] is None else log_q * e[..., observable["present"]]
            )
            residuals.append(
                r if observable["present"] is None else r * e[..., observable["present"]]
            )
        return total

    def loss(
        self, z: Tensor, e: Tensor, phi: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Mean of -log q over joint draws, in nats."""
        return -self(z, e, phi).mean()

    def phases(self) -> list[list[nn.Parameter]]:
        """What is trained in turn: the locations, the shapes of the residuals, then everything."""
        return [
            [*self.mu.parameters(), self.response],
            [*self.shape.parameters(), self.spread],
            list(self.parameters()),
        ]

    def enter(self, phase: int, fraction: float) -> None:
        """Phase 0 fits a plain Gaussian whose errors are blurred by a tenth of the location or more.

        The blur gives rows of small and large errors much the same say, so that a batch is not ruled by its few best rows.
        """
        self.plain = phase == 0
        self.blur = max(0.1, 0.3 * (1 - 2 * fraction)) ** 2 if phase == 0 else 0.0

    def finish(self) -> None:
        """Leave nothing of the annealing."""
        self.plain, self.blur = False, 0.0

    def _outputs(self, d: int) -> int:
        """How many numbers the d-th factor's network makes."""
        return self.observables[d].get("classes") or 3 * self.components + d

    def _factor(
        self,
        d: int,
        z: Tensor,
        mu: Tensor,
        log_sigma: Tensor,
        before: list[Tensor],
        e: Tensor,
        phi: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """The residual and log q `(*,)` of the d-th observable, given those before it."""
        if classes := self.observables[d].get("classes"):
            logits = self.shape[d](phi, e, torch.tanh(self._earlier(z, before) / 4))
            return 2 * z / (classes - 1) - 1 + 0 * mu, discrete.log_class(logits, z)
        if self.observables[d].get("counts"):
            r = discrete.middle(z) - mu
            cell = [edge - mu for edge in discrete.edges(z)]
            return r, self._mixture(d, r, before, e, phi, cell)
        r = (z - mu) * torch.exp(-log_sigma)
        return r, self._mixture(d, r, before, e, phi) - log_sigma

    @staticmethod
    def _earlier(r: Tensor, before: list[Tensor]) -> Tensor:
        return (
            torch.stack(torch.broadcast_tensors(*before), -1) if before else r[..., None][..., :0]
        )

    def _linear_response(self, d: int, phi: Tensor, where: Tensor) -> Tensor:
        """(1, phi)' w_d (1, e): a shift linear in a systematic and in its size."""
        w = self.response[d]
        return (phi @ w[1:, 1:] * where).sum(-1) + phi @ w[1:, 0] + where @ w[0, 1:] + w[0, 0]

    def _log_sigma(self, observable: dict[str, Any], e: Tensor, mu: Tensor) -> Tensor:
        if observable["error"] is None:
            return torch.zeros_like(mu)
        column, slope, offset = observable["error"]
        log_sigma = slope * e[..., column] + offset
        if self.blur:
            log_sigma = 0.5 * torch.log(torch.exp(2 * log_sigma) + self.blur * mu.detach() ** 2)
        return log_sigma

    def _mixture(
        self,
        d: int,
        r: Tensor,
        before: list[Tensor],
        e: Tensor,
        phi: Tensor,
        cell: list[Tensor] | None = None,
    ) -> Tensor:
        """log of the mixture density of r_d `(*,)`, or of its mass in a cell, given the residuals before it."""
        if self.plain:
            return -0.5 * r**2 - HALF_LOG_2PI
        k = self.components
        earlier = self._earlier(r, before)
        out = self.shape[d](phi, e, torch.tanh(earlier / 4))
        shift = (out[..., 3 * k :] * earlier).sum(-1) if before else 0.0
        log_w = out[..., :k].log_softmax(-1)
        centre = out[..., k : 2 * k] + self.spread[d]
        log_s = out[..., 2 * k : 3 * k]
        if cell is not None:
            ends = [((x - shift)[..., None] - centre) * torch.exp(-log_s) for x in cell]
            return torch.logsumexp(log_w + discrete.log_mass(*ends), dim=-1)
        u = ((r - shift)[..., None] - centre) * torch.exp(-log_s)
        return torch.logsumexp(log_w - log_s - 0.5 * u**2, dim=-1) - HALF_LOG_2PI
