"""Do two modalities share something, pair by pair, besides theta? Then their terms may not be added as they are.

Under independence every dependence of z_a on z_b comes through theta. Take theta out of each by regression on a smooth
basis; what correlation is left between the residuals of paired observations measures what the pair shares besides
theta: an object's own latent, a systematic, a joint selection. Its law without sharing comes from re-pairing rows of
(nearly) equal theta: whatever the regression missed is the same for both pairings, so the p-value is exact. For the same
reason what all pairs have in common, such as the offset of one calibrator, is never seen: that takes simulations in which
it varies from pair to pair, or a nuisance in theta.

Two statistics, half of the false-alarm rate each:

correlation: sum of the squared canonical correlations of the residuals (Pillai's trace).
classifier:  paired against re-paired at the same theta, by a logit in the residuals, their squares, and the products of
             those of one with those of the other, fitted on one half; on the other half, the mean logit of the true pairs
             among those of re-pairings. It sees what has no linear correlation, such as a shared variance.

What an observation's own covariates do to its z is no coupling either, though they go together where both saw one
object: `unexplained` takes them out beforehand, and out of the scale of z too, where they would hide a coupling.

Where it fires, the sum over both is over-confident. Remedies: the shared nuisance inside theta; one joint expert for
the coupled group; the pairwise term as one more addend (`pairwise`).
"""

import warnings
from dataclasses import dataclass

import numpy as np

from ..errors import BadSetting, CoupledModalities, TooFewSimulations
from ..numerics.polynomials import Polynomial
from .additive import Additive, listed
from .logistic import fit_logistic

BLOCK, REPAIRINGS, LEAST, CLIP, TINY = 16, 199, 100, 4.0, 1e-6


@dataclass(frozen=True, eq=False)
class Pairs(Additive):
    """Paired observations, one pair a row, of two named modalities.

    Arguments:
        theta: What both may depend on without being coupled: theta, and the covariates they have in common, such as the
            redshift of the object both saw `(N, P)`.
        a, b: z of either, `(N, A)` and `(N, B)`.
    """

    names: tuple[str, str]
    theta: np.ndarray = listed()
    a: np.ndarray = listed()
    b: np.ndarray = listed()

    def ordered(self) -> "Pairs":
        """The same pairs in an order that does not depend on how they were merged."""
        order = np.lexsort(np.concatenate([self.theta, self.a, self.b], axis=1).T)
        return Pairs(self.names, self.theta[order], self.a[order], self.b[order])


@dataclass(frozen=True)
class Independence:
    """What the gate found.

    Arguments:
        names: The two modalities.
        n: Pairs.
        correlations: Canonical correlations of the residuals, descending.
        edge: The largest of them that re-pairings exceed in one case of twenty.
        correlation, classifier: P-values of the two statistics.
        fires: Whether independence is rejected at `false_alarm`.
    """

    names: tuple[str, str]
    n: int
    correlations: tuple[float, ...]
    edge: float
    correlation: float
    classifier: float
    false_alarm: float

    @property
    def p_value(self) -> float:
        """Of both statistics together (Bonferroni)."""
        return min(1.0, 2 * min(self.correlation, self.classifier))

    @property
    def fires(self) -> bool:
        """Whether independence given theta is rejected; happens to independent modalities at most at `false_alarm`."""
        return self.p_value <= self.false_alarm

    def warn(self) -> None:
        """Issue the warning `CoupledModalities` if the gate fires."""
        if self.fires:
            a, b = self.names
            warnings.warn(
                f"'{a}' and '{b}' are not independent given theta: residual correlation {self.correlations[0]:.2f} "
                f"where chance leaves {self.edge:.2f}; put what they share into theta as a nuisance, train one joint expert "
                "for both, or add their pairwise term (calibration.PairwiseTerm) as one more addend.",
                CoupledModalities,
                stacklevel=2,
            )


def check_independence(
    pairs: Pairs, rng: np.random.Generator, false_alarm: float = 0.05, degree: int = 3
) -> Independence:
    """The gate on N pairs, observed (one theta for all: their theta_hat) or simulated."""
    if len(pairs.theta) < LEAST:
        raise TooFewSimulations(
            f"{len(pairs.theta)} pairs cannot tell, expected at least {LEAST}", "supply more pairs"
        )
    pairs = pairs.ordered()
    a, b = residuals(pairs.theta, pairs.a, degree), residuals(pairs.theta, pairs.b, degree)
    blocks = equal_theta(pairs.theta)
    shuffles = [repair(blocks, rng) for _ in range(REPAIRINGS)]
    qa, qb = np.linalg.qr(a)[0], np.linalg.qr(b)[0]
    seen, null = _canonical(qa, qb), np.array([_canonical(qa, qb[s]) for s in shuffles])
    linear = (1 + ((null**2).sum(axis=1) >= (seen**2).sum()).sum()) / (1 + REPAIRINGS)
    learned = _classified(a, b, blocks, rng)
    return Independence(
        pairs.names,
        len(a),
        tuple(seen.tolist()),
        float(np.quantile(null[:, 0], 0.95)),
        float(linear),
        learned,
        false_alarm,
    )


def residuals(theta: np.ndarray, z: np.ndarray, degree: int = 3) -> np.ndarray:
    """z `(N, Z)` less its regression on polynomials in theta `(N, P)`, in units of what is left; columns at rest are dropped."""
    features = Polynomial.around(theta, degree).features(theta)
    left = z - features @ np.linalg.lstsq(features, z, rcond=None)[0]
    moving = left.std(axis=0) > 1e-9 * np.abs(z).max(axis=0)
    if not moving.any():
        raise BadSetting(
            "z does not vary at equal theta, so it cannot be coupled to anything",
            "compare modalities that vary",
        )
    return left[:, moving] / left[:, moving].std(axis=0)


def unexplained(known: np.ndarray, z: np.ndarray) -> np.ndarray:
    """z `(N, Z)` less its regression on what is `known` of its row, theta and covariates `(N, P)`, in units of its scale there.

    Raises:
        TooFewSimulations: Fewer than ten pairs for each coefficient, which would fit the noise.
    """
    mean, scale = (Polynomial.around(known, degree) for degree in (3, 2))
    if len(z) < (needed := max(LEAST, 10 * len(mean.powers))):
        raise TooFewSimulations(
            f"{len(z)} pairs cannot tell, expected at least {needed}", "supply more pairs"
        )
    left, features = residuals(known, z, mean.degree), scale.features(known)
    return left * np.exp(
        -features @ np.linalg.lstsq(features, np.log(left**2 + TINY), rcond=None)[0] / 2
    )


def equal_theta(theta: np.ndarray, size: int = BLOCK) -> np.ndarray:
    """Blocks `(N,)` of nearly equal theta, numbered: halved along the longest side until `size` rows are left."""
    scaled = (theta - theta.min(axis=0)) / np.maximum(np.ptp(theta, axis=0), 1e-300)
    blocks, todo, done = np.zeros(len(theta), dtype=int), [np.arange(len(theta))], 0
    while todo:
        rows = todo.pop()
        longest = np.ptp(scaled[rows], axis=0)
        if len(rows) < 2 * size or longest.max() == 0:
            blocks[rows], done = done, done + 1
        else:
            rows = rows[np.argsort(scaled[rows, longest.argmax()], kind="stable")]
            todo += [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
    return blocks


def repair(blocks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A permutation `(N,)` that moves rows within their block only."""
    permutation = np.empty(len(blocks), dtype=int)
    permutation[np.argsort(blocks, kind="stable")] = np.argsort(blocks + rng.random(len(blocks)))
    return permutation


def derange(blocks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A permutation `(N,)` that moves every row, within its block: what true pairs are told from, none being among them."""
    order, sizes = np.argsort(blocks + rng.random(len(blocks))), np.bincount(blocks)
    ends = np.cumsum(sizes)
    successor = np.arange(1, len(blocks) + 1)
    successor[ends - 1] = ends - sizes
    permutation = np.empty(len(blocks), dtype=int)
    permutation[order] = order[successor]
    return permutation


def _canonical(qa: np.ndarray, qb: np.ndarray) -> np.ndarray:
    return np.linalg.svd(qa.T @ qb, compute_uv=False)


def _classified(
    a: np.ndarray, b: np.ndarray, blocks: np.ndarray, rng: np.random.Generator
) -> float:
    a, b = _powers(a), _powers(b)
    train = blocks % 2 == 0 if blocks.max() > 0 else np.arange(len(blocks)) % 2 == 0
    taught, alone = (
        b[train],
        np.concatenate([np.ones((train.sum(), 1)), a[train], b[train]], axis=1),
    )
    broken = taught[derange(np.unique(blocks[train], return_inverse=True)[1], rng)]
    paired = np.concatenate([alone, _products(a[train], taught)], axis=1)
    broken = np.concatenate(
        [alone[:, : 1 + a.shape[1]], broken, _products(a[train], broken)], axis=1
    )
    beta = fit_logistic(np.concatenate([paired, broken]), np.repeat([1.0, 0.0], len(paired)))
    coupling = beta[alone.shape[1] :].reshape(a.shape[1], b.shape[1])
    forward, rest = a[~train] @ coupling, b[~train]
    null = [(forward * rest[repair(blocks[~train], rng)]).sum() for _ in range(REPAIRINGS)]
    return float((1 + (np.array(null) >= (forward * rest).sum()).sum()) / (1 + REPAIRINGS))


def _powers(r: np.ndarray) -> np.ndarray:
    r = np.clip(r, -CLIP, CLIP)
    return np.concatenate([r, r**2 - 1], axis=1)


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a[:, :, None] * b[:, None, :]).reshape(len(a), -1)
