"""What can be said of a fusion without repeating it: N against N*, observations out of support, the sandwich.

    within N*/10     nothing to say
    up to N*         a warning, unless theta_hat is corrected
    beyond N*        a refusal, unless theta_hat is corrected or the fusion says `beyond_trust: allow`

Corrected means locally calibrated, whose error does not grow with the bias. A centred psi is held against its own N*.
"""

from collections.abc import Mapping

import numpy as np
import torch

from ..calibration import Record, trust_size
from ..calibration.sandwich import cluster_covariance, sandwich
from ..calibration.trust import require_trust, standing
from ..errors import BadSetting
from ..maximum.fit import Fit
from ..scalar import Constraint, Lazy, Sum
from .correction import chosen
from .terms import Terms

ALLOW = "allow"


def trust(record: dict, centred: bool = False) -> float | None:
    """N* of an encoder's record, or its lower bound where the bias is lost in noise; None if not measured.

    Of a centred psi the lower bound is what is left: the simulations include those that taught the centring.
    """
    if not record or "score" not in record["parts"]:
        return None
    known = Record.from_dict(record)
    if centred:
        return float(trust_size(known.centring.apply(known.parts["score"])).low)
    size = trust_size(known.parts["score"])
    return float(size.value if np.isfinite(size.value) else size.low)


def trust_of(terms: Terms, name: str) -> float | None:
    """N* of a modality's psi as it is summed; None if it is no term of S, or was not measured."""
    if name not in terms.encoders:
        return None
    return trust(terms.encoders[name].record, terms.facts[name].get("centred", False))


def standings(terms: Terms, settings: Mapping) -> list[str]:
    """One sentence on the modalities that sum more than a tenth of N*, uncorrected; none if there are none.

    Raises:
        BeyondTrust: One sums more than N*, and the fusion does not allow it.
    """
    if settings.get("beyond_trust", ALLOW) != ALLOW:
        raise BadSetting(
            f"beyond_trust is '{settings['beyond_trust']}', expected {ALLOW}",
            "write it so, or leave it out",
        )
    sizes = {m: trust_of(terms, m) for m in terms.used} if chosen(settings).local is None else {}
    over = []
    for m, size in sizes.items():
        if size is None:
            continue
        n = terms.facts[m]["n"]
        where = standing(n, size) if "beyond_trust" in settings else require_trust(n, size, m)
        if where != "within":
            over.append(f"{m} ({n:,} observations, N* = {size:,.0f})")
    summed = f"Summed beyond a tenth of the trust size, uncorrected: {', '.join(over)}"
    return [f"{summed}; theta_hat may be off by more than its error says."] if over else []


def outside_support(terms: Terms) -> dict[str, float]:
    """The fraction of each modality's observations outside its encoder's simulated support, where that was recorded."""
    rows = {term.name: strange(term) for term in terms.scalar.flat if isinstance(term, Lazy)}
    return {name: float(outside.mean()) for name, outside in rows.items() if outside is not None}


def strange(term: Lazy) -> np.ndarray | None:
    """Which observations of a term `(N,)` lie outside its encoder's simulated support; None where that was not recorded."""
    record = term.encoder.record
    if not record or not record["support"]:
        return None
    return Record.from_dict(record).support.outside(torch.cat([term.z, term.e], dim=1).numpy())


def real_sandwich(scalar: Sum, fit: Fit) -> np.ndarray:
    """H^-1 J H^-1 `(D, D)` of the real data, J from the score of each observation: itself uncertain where they are few.

    A constraint, measured once, enters J by its known variance.
    """
    known, scores = np.zeros((len(scalar.space),) * 2), []
    for part, columns in zip(scalar.parts, scalar.columns, strict=True):
        if isinstance(part, Constraint):
            known[columns[0], columns[0]] += part.std**-2
        else:
            own = torch.zeros(part.n, len(scalar.space), dtype=torch.float64)
            own[:, columns] = part.scores(fit.theta[columns])
            scores.append(own)
    return sandwich(-fit.hessian.numpy(), cluster_covariance(torch.cat(scores).numpy()) + known)
