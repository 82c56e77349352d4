r"""Five simulators whose likelihood is known, on which an encoder can be compared with the exact answer.

    gaussian   x in R^2,  x ~ N(theta, [[1, .5], [.5, 1]])
    scale      x in R,    x ~ N(0, exp theta)
    gamma      x > 0,     x ~ Gamma(shape exp theta_0, mean exp theta_1)
    cauchy     x in R,    x ~ Cauchy(theta_0, exp theta_1)
    decay      x in R^8,  x ~ N(theta_0 exp(-t exp theta_1), 0.1^2 AR(1) with correlation 0.5), t = 0, 0.5 ... 3.5

The backbone of each is a fixed bijection of x (x itself, log x or arcsinh x), which changes psi by nothing in theta.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import gammaincinv
from torch import Tensor

from addend.heads import Head

T = torch.arange(8, dtype=torch.float64) / 2
COVARIANCE = {
    "gaussian": torch.tensor([[1.0, 0.5], [0.5, 1.0]]).double(),
    "decay": 0.01 * 0.5 ** (torch.arange(8)[:, None] - torch.arange(8)).abs().double(),
}


@dataclass(frozen=True)
class Task:
    """A simulator and its box of theta.

    Arguments:
        name: Its name.
        observables: The number of components of x.
        low, high: The support of theta `(K,)`.
    """

    name: str
    observables: int
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def coordinates(self) -> int:
        """K, the number of parameters."""
        return len(self.low)

    def theta(self, phi: Tensor) -> Tensor:
        """theta `(*, K)` from the cube [-1, 1]^K."""
        low, high = (
            torch.tensor(self.low, dtype=phi.dtype),
            torch.tensor(self.high, dtype=phi.dtype),
        )
        return low + (high - low) * (phi + 1) / 2

    def draw(self, phi: Tensor, rng: np.random.Generator) -> Tensor:
        """z `(N, Z)` float64, the backbone of one draw of x at each phi `(N, K)`; `rng` as numpy's."""
        theta = self.theta(phi.double())
        if self.name in COVARIANCE:
            noise = torch.from_numpy(rng.standard_normal((len(theta), self.observables)))
            return _mean(self.name, theta) + noise @ torch.linalg.cholesky(COVARIANCE[self.name]).T
        if self.name == "scale":
            return torch.exp(theta / 2) * torch.from_numpy(rng.standard_normal((len(theta), 1)))
        u = rng.random((len(theta), 1))
        if self.name == "cauchy":
            return torch.arcsinh(
                theta[:, :1] + theta[:, 1:].exp() * torch.from_numpy(np.tan(np.pi * (u - 0.5)))
            )
        return (
            torch.from_numpy(gammaincinv(theta[:, :1].exp().numpy(), u)).log()
            - theta[:, :1]
            + theta[:, 1:]
        )

    def log_prob(self, z: Tensor, theta: Tensor) -> Tensor:
        """log p(x | theta) `(*,)` in nats, up to a constant, broadcast."""
        if self.name in COVARIANCE:
            r = z - _mean(self.name, theta)
            return -0.5 * (r @ torch.linalg.inv(COVARIANCE[self.name]).to(r.dtype) * r).sum(-1)
        if self.name == "scale":
            return -0.5 * (z[..., 0] ** 2 * torch.exp(-theta[..., 0]) + theta[..., 0])
        if self.name == "cauchy":
            return -theta[..., 1] - torch.log1p(
                ((torch.sinh(z[..., 0]) - theta[..., 0]) * torch.exp(-theta[..., 1])) ** 2
            )
        log_shape, y = theta[..., 0], z[..., 0] - theta[..., 1]
        return log_shape.exp() * (log_shape + y - y.exp()) - torch.lgamma(log_shape.exp())


TASKS = {
    task.name: task
    for task in (
        Task("gaussian", 2, (-3.0, -3.0), (3.0, 3.0)),
        Task("scale", 1, (-2.0,), (2.0,)),
        Task("gamma", 1, (0.0, -1.0), (2.0, 1.0)),
        Task("cauchy", 1, (-2.0, -0.5), (2.0, 0.5)),
        Task("decay", 8, (0.5, -1.5), (2.0, 1.0)),
    )
}


class Exact(Head):
    """log p itself, as a head of z and phi: the control, and a teacher without error."""

    kind, normalised = "exact", False

    def __init__(self, task: str):
        super().__init__()
        self.task, self.dtype = (
            TASKS[task],
            torch.nn.Parameter(torch.zeros((), dtype=torch.float64), requires_grad=False),
        )

    def forward(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """log p `(*,)` in nats."""
        return self.task.log_prob(z, self.task.theta(phi))

    def loss(
        self, z: Tensor, e: Tensor, phi: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Minus the mean log-likelihood."""
        return -self(z, e, phi).mean()

    def config(self) -> dict[str, Any]:
        """The task's name."""
        return {"task": self.task.name}


def _mean(name: str, theta: Tensor) -> Tensor:
    return (
        theta
        if name == "gaussian"
        else theta[..., :1] * torch.exp(-T.to(theta.dtype) * theta[..., 1:].exp())
    )
