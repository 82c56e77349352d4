"""What can be said of a fusion without repeating it: N against N*, observations out of support, the sandwich.

Where N stands to N* is said by `calibration.standing`. Up to N*/10 there is nothing to say; up to N* the verdict takes
care; beyond it a fusion is refused unless it is locally calibrated, whose error does not grow with the bias, or says
`beyond_trust: allow`. A centred psi is held against its own N*.
"""

from typing import cast

import numpy as np
import torch

from ..calibration import Record, Support, trust_size
from ..calibration.sandwich import sandwich
from ..calibration.standing import require_trust
from ..maximum.fit import Fit
from ..scalar import Lazy, Sum
from .answer import UNCORRECTED, Correction
from .ensembles import widened
from .terms import Terms


def trust_of(record: Record | None, correction: Correction = UNCORRECTED) -> float | None:
    """N* of an encoder, or its lower bound where the bias is lost in noise; None if not measured.

    Of a centred psi the lower bound is what is left: the simulations include those that taught the centring.
    """
    if record is None or "score" not in record.parts:
        return None
    moments = record.parts["score"]
    if correction.centred and record.centring:
        return float(trust_size(record.centring.apply(moments)).low)
    size = trust_size(moments)
    return float(size.value if np.isfinite(size.value) else size.low)


def require_trusted(terms: Terms, allow: bool, local: bool) -> None:
    """Raise `BeyondTrust` if a modality sums more observations than its N*, unless it is allowed or corrected."""
    for m in () if allow or local else terms.used:
        require_trust(terms.n[m], trust_of(terms.records[m], terms.facts[m].correction), m)


def outside_support(terms: Terms) -> dict[str, float]:
    """The fraction of each modality's observations outside its encoder's simulated support, where that was recorded."""
    rows = {
        m: strange(cast(Lazy, terms.scalar.terms[m].bare), terms.records[m]) for m in terms.used
    }
    return {m: float(outside.mean()) for m, outside in rows.items() if outside is not None}


def strange(lazy: Lazy, record: Record | None) -> np.ndarray | None:
    """Which observations of a term `(N,)` lie outside the simulated support; None where that was not recorded."""
    support: Support | None = record.support if record else None
    return support.outside(torch.cat([lazy.z, lazy.e], dim=1).numpy()) if support else None


def sandwiched(scalar: Sum, fit: Fit) -> np.ndarray:
    """H^-1 J H^-1 `(D, D)` of the real data, and the scatter between the members of ensembles.

    J is that of the scores of the observations: itself uncertain where they are few.
    """
    return widened(scalar, fit, sandwich(-fit.hessian.numpy(), scalar.variability(fit.theta)))
