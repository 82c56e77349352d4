r"""Where something is out of the ordinary: two modes, a shared latent, a selection, a discrete theta, a moving support."""

import math

import numpy as np
import torch
from scipy.special import log_ndtr

from ...parameters import ParameterSpace
from .base import Oracle, parameter
from .regular import Linear, log_normal


class Square(Oracle):
    """x ~ N(theta^2, 1): theta and -theta look the same. Information: 4 theta^2."""

    name, space = "square", ParameterSpace((parameter("theta", -5.0, 5.0),))

    def draw(self, theta, n, rng):
        return theta[0] ** 2 + rng.standard_normal(n)

    def log_p(self, x, theta):
        return log_normal(x[:, 0] - theta.square())

    def information(self, theta):
        return np.array([[4.0 * theta[0] ** 2]])


class SharedEffect(Oracle):
    r"""M views of one object, x_m = theta + effect + noise_m, the effect N(0, tau^2) shared by all views of the object.

    The joint law is Gaussian with covariance s^2 1 + tau^2 J, and information 1 / (tau^2 + s^2 / M). Taken one by one the
    views look like N(theta, tau^2 + s^2); adding *those* claims M / (tau^2 + s^2), as if they were independent.

    Arguments:
        views: M.
        tau, s: Standard deviations of the shared effect and of each view's noise.
    """

    name, space = "shared", ParameterSpace((parameter("theta", -5.0, 5.0),))

    def __init__(self, views: int = 4, tau: float = 1.0, s: float = 1.0):
        self.views, self.tau, self.s = views, tau, s

    def draw(self, theta, n, rng):
        return (
            theta[0]
            + self.tau * rng.standard_normal((n, 1))
            + self.s * rng.standard_normal((n, self.views))
        )

    def log_p(self, x, theta):
        spread = math.sqrt(self.s**2 + self.views * self.tau**2)
        together = math.sqrt(self.views) * (x.mean(dim=1) - theta) / spread
        apart = (x - x.mean(dim=1, keepdim=True)).square().sum(dim=1) / self.s**2
        rest = (self.views - 1) * log_normal(torch.zeros(()), math.log(self.s)) - 0.5 * apart
        return log_normal(together, math.log(spread)) + rest

    def information(self, theta):
        return np.array([[1 / (self.tau**2 + self.s**2 / self.views)]])

    def one_by_one(self) -> tuple[Linear, ...]:
        """The exact law of each view alone, as M modalities that ignore what they share."""
        alone = math.hypot(self.tau, self.s)
        return tuple(
            Linear(f"view_{m}", self.space.parameters, [1.0], alone) for m in range(self.views)
        )


def views_of_one_systematic(views: int = 4, tau: float = 1.0, s: float = 1.0) -> tuple[Linear, ...]:
    """M modalities x_m = theta + tau eta + noise_m whose eta ~ N(0, 1) is one for the whole data set.

    Independent given (theta, eta): with eta a parameter and its constraint added once, the sum is exact.
    """
    both = (parameter("theta", -5.0, 5.0), parameter("eta", -5.0, 5.0, constraint=(0.0, 1.0)))
    return tuple(Linear(f"view_{m}", both, [1.0, tau], s) for m in range(views))


class Selected(Oracle):
    """x ~ N(theta, 1), recorded only above a threshold. Information: the variance of the truncated normal."""

    name, space = "selected", ParameterSpace((parameter("theta", -3.0, 3.0),))

    def __init__(self, threshold: float = 0.5):
        self.threshold = threshold

    def draw(self, theta, n, rng):
        kept = np.empty(0)
        while len(kept) < n:
            x = theta[0] + rng.standard_normal(4 * n + 100)
            kept = np.concatenate([kept, x[x > self.threshold]])
        return kept[:n]

    def log_p(self, x, theta):
        return log_normal(x[:, 0] - theta) - torch.special.log_ndtr(theta - self.threshold)

    def information(self, theta):
        a = self.threshold - theta[0]
        hazard = math.exp(-0.5 * a * a - 0.5 * math.log(2 * math.pi) - log_ndtr(-a))
        return np.array([[1 + a * hazard - hazard**2]])


class Step(Oracle):
    """x ~ N(k, sigma^2) with k one of the integers 0 to K - 1: no derivative, no Fisher information.

    Arguments:
        k: The number of classes K.
        sigma: The standard deviation.
    """

    name = "step"

    def __init__(self, k: int = 8, sigma: float = 2.0):
        self.k, self.sigma = k, sigma
        self.space = ParameterSpace((parameter("k", 0.0, k - 1.0),))

    def draw(self, theta, n, rng):
        return round(float(theta[0])) + self.sigma * rng.standard_normal(n)

    def log_p(self, x, theta):
        return log_normal((x[:, 0] - theta.detach().round()) / self.sigma, math.log(self.sigma))

    def information(self, theta):
        return np.full((1, 1), np.nan)

    def chi_square(self, theta, points):
        """V `(J, J)` of test points `(J, 1)`."""
        shift = (np.asarray(points)[:, 0] - theta[0]) / self.sigma
        return np.expm1(np.outer(shift, shift))


class Uniform(Oracle):
    """x ~ Uniform(0, theta): the support moves with theta, theta_hat = max x, and no bound here is attained."""

    name, space = "uniform", ParameterSpace((parameter("theta", 0.01, 10.0),))

    def draw(self, theta, n, rng):
        return theta[0] * rng.random(n)

    def log_p(self, x, theta):
        return torch.where(x[:, 0] <= theta, -theta.log(), -torch.inf)

    def information(self, theta):
        return np.full((1, 1), np.nan)

    def chi_square(self, theta, points):
        """V `(J, J)` of test points `(J, 1)`; infinite above theta, whose x are impossible under theta."""
        at = np.asarray(points)[:, 0]
        above = np.maximum(at[:, None], at)
        return np.where(above <= theta[0], theta[0] / above - 1, np.inf)
