r"""The posterior exp S(theta) under the uniform priors of S's parameters, by an ensemble sampler. (emcee; Goodman & Weare 2010.)

    p(theta | data)  is proportional to  exp S(theta)  inside the support, zero outside

S holds the constraint terms already, so nothing is added. The walkers move in the unit cube of the support, half of the
ensemble being evaluated in one batch, by the move of `moves.py`.

Walkers start where many ascents of S have come to rest, spread by the curvature there: around every mode and all along
a ridge. Burn-in is discarded in multiples of the autocorrelation time, and sampling stops when the effective sample
size, the smallest over all parameters and their squares, reaches its target: the standard deviation of a Gaussian is then
known to 1 / sqrt(2 ESS), one percent at 5,000. The error that was reached is returned with the answer.
"""

from collections.abc import Callable

import emcee
import numpy as np
import torch

from ..maximum.cube import Cube, require_numbers
from ..maximum.curvature import curvature
from ..maximum.modes import ascents
from ..maximum.newton import Ascent
from ..numerics.folding import fold
from ..parameters import ParameterSpace
from ..scalar.base import Scalar
from .draws import Posterior
from .moves import KernelMove

WALKERS = 256
STARTS = 64
BLOCK = 40
DEPTH = 12.0


def sample(
    scalar: Scalar, seed: int = 0, ess: int = 5000, budget: int = 200_000, walkers: int = WALKERS
) -> Posterior:
    """Draws from exp S in its support.

    Arguments:
        scalar: S, constraint terms included.
        seed: The same seed gives the same draws.
        ess: The effective sample size to reach.
        budget: The most evaluations of S, after the starts.
        walkers: Size of the ensemble, at least twice the number of parameters.

    Raises:
        NotFinite: S is not a number somewhere, or is minus infinity everywhere.
    """
    rng = np.random.RandomState(seed)
    reached, screened = ascents(scalar, seed, None, STARTS)
    sampler = emcee.EnsembleSampler(
        walkers, len(scalar.space), _log_density(scalar), moves=KernelMove(), vectorize=True
    )
    sampler.random_state = rng.get_state()
    state = emcee.State(_starts(scalar, reached, walkers, rng), random_state=rng.get_state())
    chain, tau = _run(sampler, state, ess, budget // walkers)
    return _posterior(
        scalar.space, chain, tau, ess, screened + reached.evaluations + walkers * sampler.iteration
    )


def _log_density(scalar: Scalar) -> Callable[[np.ndarray], np.ndarray]:
    cube = Cube(scalar)

    def log_density(t: np.ndarray) -> np.ndarray:
        inside = ((t >= 0) & (t <= 1)).all(axis=1)
        out = np.full(len(t), -np.inf)
        if inside.any():
            theta = cube.theta(torch.from_numpy(t[inside]))
            with torch.no_grad():
                value = scalar.values(theta)
            require_numbers(scalar, theta, value)
            out[inside] = value.numpy()
        return out

    return log_density


def _starts(
    scalar: Scalar, reached: Ascent, walkers: int, rng: np.random.RandomState
) -> np.ndarray:
    """`(walkers, D)` in the unit cube: resting points of ascents near the top, spread by the curvature there."""
    top = reached.jet.value.max()
    rows = (reached.jet.value > top - DEPTH).nonzero()[:, 0]
    _, width = Cube(scalar).low, Cube(scalar).width
    centres = Cube(scalar).unit(reached.theta[rows]).numpy()
    spreads = [_spread(scalar, reached, int(i)) for i in rows]
    density, t, left = _log_density(scalar), np.zeros((walkers, len(width))), np.arange(walkers)
    for shrink in 2.0 ** -np.arange(12):
        pick = rng.randint(len(rows), size=len(left))
        noise = np.stack([spreads[k] @ rng.standard_normal(len(width)) for k in pick])
        t[left] = fold(centres[pick] + shrink * noise)
        left = left[~(density(t[left]) > float(top) - DEPTH)]
        if not len(left):
            break
    return t


def _spread(scalar: Scalar, reached: Ascent, i: int) -> np.ndarray:
    """A square root `(D, D)` of the covariance in the unit cube; a tenth of the support where the curvature says nothing."""
    width = Cube(scalar).width
    shape = curvature(scalar.space, reached.jet.hessian[i], reached.pinned[i])
    covariance = torch.nan_to_num(shape.covariance, posinf=0.0) / (width[:, None] * width)
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp(min=0.0, max=0.1).sqrt()
    return root.numpy() + np.diag(0.1 * reached.pinned[i].double().numpy())


def _run(sampler, state, ess: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The chain `(steps, walkers, D)` after burn-in, and its autocorrelation times `(2, D)`, of theta and of its square."""
    done, tau = 0, np.zeros(0)
    while done < most:
        steps = min(BLOCK, most - done)
        state = sampler.run_mcmc(state, steps, skip_initial_state_check=True)
        done += steps
        chain = sampler.get_chain()
        tau = _times(chain[done // 4 :])
        chain = chain[min(done // 2, max(BLOCK, int(5 * tau.max()))) :]
        tau = np.maximum(tau, _times(chain))
        if len(chain) > 12 * tau.max() and chain.shape[0] * chain.shape[1] / tau.max() > 1.1 * ess:
            break
    return chain, tau


def _times(chain: np.ndarray) -> np.ndarray:
    away = chain - chain.mean(axis=(0, 1))
    return np.stack([autocorrelation_time(away), autocorrelation_time(away**2)])


def autocorrelation_time(chain: np.ndarray) -> np.ndarray:
    """Integrated autocorrelation time `(D,)`, in steps, of walkers `(steps, walkers, D)`; one if independent.

    The larger of two: that of the walkers about the mean of all, so that walkers which have not mixed, or never moved,
    count as correlation; and that which the wandering of the ensemble's mean implies, which holds what walkers that
    propose from each other have in common (Goodman & Weare 2010, section 4).
    """
    away = chain - chain.mean(axis=(0, 1))
    own = _integrated(_covariance(away).mean(axis=1))
    together = _covariance(away.mean(axis=1))
    share = chain.shape[1] * together[0] / np.mean(away**2, axis=(0, 1))
    return np.maximum(np.maximum(own, share * _integrated(together)), 1.0)


def _covariance(x: np.ndarray) -> np.ndarray:
    power = np.abs(np.fft.rfft(x, n=2 * len(x), axis=0)) ** 2
    return np.fft.irfft(power, axis=0)[: len(x)] / len(x)


def _integrated(covariance: np.ndarray) -> np.ndarray:
    """1 + 2 sum of correlations `(D,)` up to the first lag that is five times the sum so far (Sokal's window)."""
    sums = 2 * np.cumsum(covariance / covariance[0], axis=0) - 1
    beyond = np.arange(len(sums))[:, None] >= 5 * sums
    window = np.where(beyond.any(axis=0), beyond.argmax(axis=0), len(sums) - 1)
    return np.take_along_axis(sums, window[None], axis=0)[0]


def _posterior(
    space: ParameterSpace, chain: np.ndarray, tau: np.ndarray, wanted: int, evaluations: int
) -> Posterior:
    t = chain.reshape(-1, len(space))
    count = len(t) / tau
    away = (t - t.mean(axis=0)) ** 2
    std_error = (
        away.std(axis=0) / np.sqrt(count[1]) / (2 * t.std(axis=0)) * (space.high - space.low)
    )
    return Posterior(
        space, space.from_unit(t), count[0], std_error, evaluations, bool(count.min() >= wanted)
    )
