r"""Regular families: the support does not depend on theta, and all of classical theory holds.

Where it has a closed form, V_jk + 1 = E[r_j r_k] with r_j = p(x | theta_j) / p(x | theta) is given too, for the
Hammersley-Chapman-Robbins bound: exp(d_j d_k / s^2) for a Gaussian mean, exp((l_j - l)(l_k - l) / l) for Poisson,
a_j a_k / (a (a_j + a_k - a)) for an exponential rate, and two terms for Bernoulli.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...parameters import Parameter, ParameterSpace
from .base import Oracle, parameter

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def log_normal(residual: Tensor, log_sigma: Tensor | float = 0.0) -> Tensor:
    """log N(x; mu, sigma) in nats, residual = (x - mu) / sigma."""
    return -0.5 * residual.square() - log_sigma - HALF_LOG_2PI


class Linear(Oracle):
    """x ~ N(direction . theta, sigma^2). Information: direction direction^T / sigma^2."""

    def __init__(
        self, name: str, parameters: Sequence[Parameter], direction: Sequence[float], sigma: float
    ):
        self.name, self.space, self.sigma = name, ParameterSpace(tuple(parameters)), sigma
        self.direction = np.asarray(direction, dtype=np.float64)

    def draw(self, theta, n, rng):
        return self.direction @ theta + self.sigma * rng.standard_normal(n)

    def log_p(self, x, theta):
        return log_normal(
            (x[:, 0] - (theta @ torch.from_numpy(self.direction))[:, None]) / self.sigma,
            math.log(self.sigma),
        )

    def information(self, theta):
        return np.outer(self.direction, self.direction) / self.sigma**2

    def chi_square(self, theta, points):
        """V `(J, J)` of test points `(J, D)`."""
        shift = (np.asarray(points) - theta) @ self.direction / self.sigma
        return np.expm1(np.outer(shift, shift))


class Poisson(Oracle):
    """A count of mean l = exp theta. Information: exp theta."""

    name, space = "poisson", ParameterSpace((parameter("theta", -4.0, 6.0),))

    def draw(self, theta, n, rng):
        return rng.poisson(np.exp(theta[0]), n).astype(np.float64)

    def log_p(self, x, theta):
        return x[:, 0] * theta - theta.exp() - torch.lgamma(x[:, 0] + 1)

    def information(self, theta):
        return np.exp([[theta[0]]])

    def chi_square(self, theta, points):
        """V `(J, J)` of test points `(J, 1)`."""
        rate, rates = np.exp(theta[0]), np.exp(np.asarray(points)[:, 0])
        return np.expm1(np.outer(rates - rate, rates - rate) / rate)


class Exponential(Oracle):
    """A waiting time of rate a = exp theta. Information: 1."""

    name, space = "exponential", ParameterSpace((parameter("theta", -6.0, 6.0),))

    def draw(self, theta, n, rng):
        return rng.exponential(np.exp(-theta[0]), n)

    def log_p(self, x, theta):
        return theta - theta.exp() * x[:, 0]

    def information(self, theta):
        return np.eye(1)

    def chi_square(self, theta, points):
        """V `(J, J)` of test points `(J, 1)`; infinite where a_j + a_k <= a."""
        a, b = np.exp(theta[0]), np.exp(np.asarray(points)[:, 0])
        both = b[:, None] + b - a
        return np.where(both > 0, np.outer(b, b) / (a * np.where(both > 0, both, 1.0)) - 1, np.inf)


class Bernoulli(Oracle):
    """A yes with probability p = sigmoid theta. Information: p (1 - p)."""

    name, space = "bernoulli", ParameterSpace((parameter("theta", -6.0, 6.0),))

    def draw(self, theta, n, rng):
        return (rng.random(n) < self.p(theta)).astype(np.float64)

    def log_p(self, x, theta):
        return x[:, 0] * theta - torch.nn.functional.softplus(theta)

    def information(self, theta):
        return np.array([[self.p(theta) * (1 - self.p(theta))]])

    def p(self, theta) -> float:
        """The probability of a yes at theta `(1,)`."""
        return 1 / (1 + np.exp(-theta[0]))

    def chi_square(self, theta, points):
        """V `(J, J)` of test points `(J, 1)`."""
        p, q = self.p(theta), 1 / (1 + np.exp(-np.asarray(points)[:, 0]))
        return np.outer(q, q) / p + np.outer(1 - q, 1 - q) / (1 - p) - 1


class Scale(Oracle):
    """x ~ N(0, exp theta), theta the log variance: no mean moves with theta. Information: 1/2."""

    name, space = "scale", ParameterSpace((parameter("theta", -6.0, 6.0),))

    def draw(self, theta, n, rng):
        return np.exp(theta[0] / 2) * rng.standard_normal(n)

    def log_p(self, x, theta):
        return log_normal(x[:, 0] * (-theta / 2).exp(), theta / 2)

    def information(self, theta):
        return np.array([[0.5]])


class Cauchy(Oracle):
    """x ~ Cauchy(theta, width): no finite sufficient statistic. Information: 1 / (2 width^2)."""

    name, space, width = "cauchy", ParameterSpace((parameter("theta", -20.0, 20.0),)), 1.0

    def draw(self, theta, n, rng):
        return theta[0] + self.width * rng.standard_cauchy(n)

    def log_p(self, x, theta):
        return -torch.log1p(((x[:, 0] - theta) / self.width).square()) - math.log(
            math.pi * self.width
        )

    def information(self, theta):
        return np.array([[0.5 / self.width**2]])
