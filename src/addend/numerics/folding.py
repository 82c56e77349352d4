r"""Folding back at bounds: a scatter that leaves a box returns into it.

    fold(u) = 1 - | u mod 2 - 1 |

is u itself on [0, 1] and its mirror image, 2 - u, on [1, 2], and so on: reflection at both walls however far away u is
(the reflecting boundary of a random walk: Feller, *An Introduction to Probability Theory* II, chapter X.5). A density
symmetric about a wall keeps its mass there, where clipping would pile it up on the wall.
"""

import numpy as np
from numpy.typing import ArrayLike


def fold(u: np.ndarray) -> np.ndarray:
    """u `(*)` folded into [0, 1]."""
    return np.asarray(1 - np.abs(u % 2 - 1))


def fold_into(theta: np.ndarray, low: ArrayLike, high: ArrayLike) -> np.ndarray:
    """theta `(*, P)` folded into the box from `low (P,)` to `high (P,)`."""
    low, width = np.asarray(low), np.asarray(high) - low
    return np.asarray(low + width * fold((theta - low) / width))
