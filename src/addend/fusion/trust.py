"""What can be said of a fusion without repeating it: N against N*, observations out of support, the sandwich.

Where N stands to N* is said by `calibration.standing`. Up to N*/10 there is nothing to say; up to N* the verdict takes
care; beyond it a fusion is refused unless it is locally calibrated, whose error does not grow with the bias, or says
`beyond_trust: allow`. A centred psi is held against its own N*.

The N* that counts is that at theta_hat. Before the fit there is none, so N is first held against the largest N* that the
encoder has anywhere (`require_possible`, in `evaluate`), and against that at theta_hat once it is found and before anything
is sampled or repeated (`require_trusted`, in `fuse`).
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch

from ..calibration import Record, ScoreMoments, Support, TrustSize, trust_size
from ..calibration.sandwich import sandwich
from ..calibration.standing import require_trust
from ..calibration.trust import Bias, measured_bias, nearest
from ..maximum.fit import Fit
from ..parameters import ParameterSpace
from ..scalar import Lazy, Sum
from .answer import UNCORRECTED, Correction
from .ensembles import widened
from .terms import Terms


@dataclass(frozen=True)
class Trust:
    """N* of an encoder as a fusion uses it, in observations.

    Arguments:
        value: At theta_hat; its lower bound where the bias is lost in noise, or was centred.
        low, high: Its bounds, each at 95 % confidence; infinite where the simulations set none.
        least, most: The range of it over the support.
    """

    value: float
    low: float
    high: float
    least: float
    most: float


def trust_of(
    record: Record | None, space: ParameterSpace, fit: Fit, correction: Correction = UNCORRECTED
) -> Trust | None:
    """N* at theta_hat, from the cells of the record nearest to it; None if not measured.

    Of a centred psi the lower bound is what is left: the simulations include those that taught the centring.

    Arguments:
        space: The encoder's own parameters and support.
        fit: Of the fused S, which has them among its own.
    """
    moments = _moments(record, correction)
    if moments is None:
        return None
    theta = fit.theta[fit.space.index(list(moments.names))].numpy()
    here, every = _at(moments, theta, space), _everywhere(moments, space, correction)
    return Trust(
        _quoted(here, correction), here.low, here.high, float(every.min()), float(every.max())
    )


def stated(terms: Terms, m: str, fit: Fit) -> dict[str, Any]:
    """What a `ModalityAnswer` states of it; nothing where it was not measured."""
    found = trust_of(terms.records[m], terms.psi[m].space, fit, terms.facts[m].correction)
    if found is None:
        return {}
    high = found.high if np.isfinite(found.high) else None
    bounds = {"trust_low": found.low, "trust_high": high}
    return {"trust_size": found.value, **bounds, "trust_range": (found.least, found.most)}


def require_possible(terms: Terms, allow: bool, local: bool) -> None:
    """Raise `BeyondTrust` if a modality sums more observations than its N* is anywhere, unless allowed or corrected."""
    for m in () if allow or local else terms.used:
        correction = terms.facts[m].correction
        moments = _moments(terms.records[m], correction)
        if moments is not None:
            most = float(_everywhere(moments, terms.psi[m].space, correction).max())
            require_trust(terms.n[m], most, m, where="where it is largest in its support")


def require_trusted(terms: Terms, fit: Fit, allow: bool, local: bool) -> None:
    """Raise `BeyondTrust` if a modality sums more observations than its N* at theta_hat, unless allowed or corrected."""
    for m in () if allow or local else terms.used:
        found = trust_of(terms.records[m], terms.psi[m].space, fit, terms.facts[m].correction)
        require_trust(terms.n[m], found.value if found else None, m)


def _moments(record: Record | None, correction: Correction) -> ScoreMoments | None:
    if record is None or "score" not in record.parts:
        return None
    moments: ScoreMoments = record.parts["score"]
    return record.centring.apply(moments) if correction.centred and record.centring else moments


def _at(
    moments: ScoreMoments, theta: np.ndarray, space: ParameterSpace, bias: Bias | None = None
) -> TrustSize:
    own = space.subset(moments.names)
    rows = nearest(moments.cells, theta, own.high - own.low)
    return trust_size(moments, rows=rows, bias=bias)


def _everywhere(moments: ScoreMoments, space: ParameterSpace, correction: Correction) -> np.ndarray:
    """N* `(K,)` as it would be were theta_hat at each cell."""
    bias = measured_bias(moments)
    sizes = (_at(moments, cell, space, bias) for cell in moments.cells)
    return np.array([_quoted(size, correction) for size in sizes])


def _quoted(size: TrustSize, correction: Correction) -> float:
    return size.low if correction.centred else size.quoted


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
