"""Laws with a known log-likelihood, and errors planted in it: what the calibration tests are run against."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

SIGMA = 0.5


def allowed(trials: int, rate: float, false_alarm: float = 1e-3) -> int:
    """How many of `trials` may fail at `rate` before the test that counts them fails; it does so at `false_alarm`."""
    return int(stats.binom.ppf(1 - false_alarm, trials, rate))


def within(k: int, n: int, p: float, false_alarm: float = 1e-3) -> bool:
    """Whether k of n is what probability p gives, but for a chance of `false_alarm`."""
    low, high = stats.binom.interval(1 - false_alarm, n, p)
    return low <= k <= high


def gaussian_posteriors(n: int, widen: float, rng, dimensions: int = 2, samples: int = 60):
    """Truths `(n, P)` under theta ~ N(0, 1), x ~ N(theta, SIGMA^2), posterior samples whose width is off by `widen`.

    Returns truth, samples `(n, S, P)`, and a function that gives the log posterior density at `(n, *, P)`.
    """
    truth = rng.standard_normal((n, dimensions))
    x = truth + SIGMA * rng.standard_normal((n, dimensions))
    mean, sd = x / (1 + SIGMA**2), widen * SIGMA / np.sqrt(1 + SIGMA**2)
    drawn = mean[:, None, :] + sd * rng.standard_normal((n, samples, dimensions))
    return truth, drawn, lambda theta: -((theta - mean[:, None, :]) ** 2).sum(axis=-1) / (2 * sd**2)


def box_posteriors(n: int, widen: float, rng, points: int = 300):
    """Truths `(n, 2)` uniform on the unit square, x ~ N(theta, 0.15^2), and S sharpened to a width off by `widen`.

    Returns truth, prior draws `(n, G, 2)`, S at the draws `(n, G)` and at the truth `(n,)`.
    """
    truth, drawn = rng.random((n, 2)), rng.random((n, points, 2))
    x = truth + 0.15 * rng.standard_normal((n, 2))
    width = widen * 0.15
    return (
        truth,
        drawn,
        -((x[:, None, :] - drawn) ** 2).sum(axis=-1) / (2 * width**2),
        -((x - truth) ** 2).sum(axis=-1) / (2 * width**2),
    )


@dataclass(frozen=True)
class Oracle:
    """A one-parameter law: draws `(T, N)` at theta `(T,)`, log p up to c(x), its first two derivatives in theta."""

    draw: Callable
    log_p: Callable
    score: Callable
    hessian: Callable
    start: Callable
    low: float
    high: float

    def argmax(self, x, gradient, hessian, steps: int = 12):
        """Where sum_i gradient = 0, `(T,)`, by Newton from a robust start."""
        theta = self.start(x)
        for _ in range(steps):
            g, h = gradient(x, theta[:, None]).sum(axis=1), hessian(x, theta[:, None]).sum(axis=1)
            theta = theta + np.clip(g / np.maximum(-h, 0.1 * x.shape[1] ** 0.5), -0.5, 0.5)
        return theta


def _cauchy(x, t):
    return x - t


ORACLES = {
    "gaussian": Oracle(
        lambda t, n, rng: t[:, None] + rng.standard_normal((len(t), n)),
        lambda x, t: -((x - t) ** 2) / 2,
        lambda x, t: x - t,
        lambda x, t: -np.ones_like(x - t),
        lambda x: x.mean(axis=1),
        -2.0,
        2.0,
    ),
    "poisson": Oracle(
        lambda t, n, rng: rng.poisson(np.exp(t)[:, None], (len(t), n)).astype(float),
        lambda x, t: x * t - np.exp(t),
        lambda x, t: x - np.exp(t),
        lambda x, t: -np.exp(t) + 0 * x,
        lambda x: np.log(x.mean(axis=1)),
        0.5,
        2.5,
    ),
    "exponential": Oracle(
        lambda t, n, rng: rng.exponential(np.exp(-t)[:, None], (len(t), n)),
        lambda x, t: t - x * np.exp(t),
        lambda x, t: 1 - x * np.exp(t),
        lambda x, t: -x * np.exp(t),
        lambda x: -np.log(x.mean(axis=1)),
        -1.0,
        1.0,
    ),
    "scale": Oracle(
        lambda t, n, rng: np.exp(t / 2)[:, None] * rng.standard_normal((len(t), n)),
        lambda x, t: -t / 2 - x**2 * np.exp(-t) / 2,
        lambda x, t: -0.5 + x**2 * np.exp(-t) / 2,
        lambda x, t: -(x**2) * np.exp(-t) / 2,
        lambda x: np.log((x**2).mean(axis=1)),
        -1.0,
        1.0,
    ),
    "cauchy": Oracle(
        lambda t, n, rng: t[:, None] + rng.standard_cauchy((len(t), n)),
        lambda x, t: -np.log1p(_cauchy(x, t) ** 2),
        lambda x, t: 2 * _cauchy(x, t) / (1 + _cauchy(x, t) ** 2),
        lambda x, t: 2 * (_cauchy(x, t) ** 2 - 1) / (1 + _cauchy(x, t) ** 2) ** 2,
        lambda x: np.median(x, axis=1),
        -2.0,
        2.0,
    ),
}
