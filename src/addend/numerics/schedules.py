r"""The learning rate of a training whose number of steps is fixed beforehand.

    rate_s = peak  min(1, (s + 1) / 100)  (1 + cos(pi s / steps)) / 2,        s = 0 ... steps - 1,

half a cosine (Loshchilov & Hutter, arXiv:1608.03983) after a hundred steps in which Adam's averages find their size.
"""

import math

WARM_UP = 100


def cosine(peak: float, step: int, steps: int) -> float:
    """The rate of one step."""
    return peak * min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / steps))
