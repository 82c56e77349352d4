"""Laws of whole numbers: proposals of importance sampling, of which every number that may occur has a share."""

import numpy as np

SHARE, BEYOND = 0.2, 64


def counts_around(k: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """n draws `(n,)` around whole numbers k `(N,)`, and the logarithm of their probabilities.

    Four of five are drawn as often as among k, the fifth evenly from 0 to `BEYOND` above twice the largest: the weights p/q of
    a law p that k follows are bounded by five quarters of what k's own chance makes of it, and elsewhere by their number.
    """
    most = most_around(k)
    mass = np.full(most, SHARE / most)
    mass += (1 - SHARE) * np.bincount(k.astype(int), minlength=most) / len(k)
    drawn = rng.choice(most, size=n, p=mass / mass.sum())
    return drawn.astype(np.float64), np.log(mass[drawn])


def most_around(k: np.ndarray) -> int:
    """How many whole numbers, from 0, a law that k `(...)` follow may give."""
    return 2 * int(k.max()) + BEYOND
