"""What repetitions that taught nothing say of the errors that a fusion quotes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from ..calibration import Audit, Closure, TensionLaw
from ..calibration.additive import Additive, listed
from ..calibration.coverage import LEVELS
from ..calibration.neyman import LEVELS as TWO
from ..maximum.fit import Fit
from ..numerics.tails import chi2_below
from .blocks import critical_blocks, pulls_block, tension_block
from .credibility import usable
from .critical import Criticals
from .methods import TOGETHER, ErrorAudit
from .repetitions import Repetitions, Widths


@dataclass(frozen=True, eq=False)
class Posteriors(Additive):
    """Where the truth lies in each posterior.

    Arguments:
        credibility: Levels at which intervals and region first hold the truth `(n, D + 1)`.
        effective: The effective number of points behind each row `(n,)`.
    """

    credibility: np.ndarray = listed()
    effective: np.ndarray = listed()


@dataclass(frozen=True)
class Audited:
    """Repetitions with all that is measured of them; the tension Q `(n,)` where there are groups. `sum()` works."""

    repetitions: Repetitions
    widths: Widths
    posteriors: Posteriors
    q: np.ndarray | None = None

    def __add__(self, other: "Audited | int") -> "Audited":
        if isinstance(other, int):
            return self
        q = None if self.q is None or other.q is None else np.concatenate([self.q, other.q])
        return Audited(
            self.repetitions + other.repetitions,
            self.widths + other.widths,
            self.posteriors + other.posteriors,
            q,
        )

    __radd__ = __add__


def reached(audit: Audited, fit: Fit) -> dict[str, np.ndarray]:
    """By method, the level `(n, P + 1)` at which each parameter's region, and that of all together, first holds the truth.

    An error that a repetition could not quote, at a bound or in a blind direction, holds nothing.
    """
    found, widths = audit.repetitions, audit.widths
    columns = [found.names.index(p) for p in found.profiled]
    off = np.abs(found.off[:, columns])
    levels = {
        "profile": (chi2_below(found.single, 1), found.joint),
        "sandwich": (_central(off, widths.sandwich[:, columns]), widths.distance),
        "curvature": (_central(off, widths.std[:, columns]), widths.curved),
    }
    said = {
        method: np.column_stack([single, chi2_below(t, fit.rank)])
        for method, (single, t) in levels.items()
    }
    if usable(audit.posteriors.effective):
        said["posterior"] = audit.posteriors.credibility[:, [*columns, -1]]
    return said


def error_audits(audit: Audited, criticals: Criticals, fit: Fit) -> dict[str, ErrorAudit]:
    """Of each method, how often its regions held the truth."""
    found = audit.repetitions
    inside = {m: at[:, :, None] <= np.array(TWO) for m, at in reached(audit, fit).items()}
    inside["calibrated"] = held(criticals, found)
    return {method: _audit(found, held) for method, held in inside.items()}


def held(criticals: Criticals, found: Repetitions) -> np.ndarray:
    """Whether the calibrated interval of each parameter, and the region of all, holds the truth `(n, P + 1, A)`."""
    joint = criticals.joint.inside(found.theta, found.joint)
    return np.concatenate([criticals.inside(found), joint[:, None]], axis=1)


def blocks_of(
    audit: Audited,
    audits: Mapping[str, ErrorAudit],
    criticals: Criticals,
    fit: Fit,
    n: int,
    observed: float | None,
) -> dict[str, Any]:
    """The blocks of figures that are made of repetitions: `critical`, `audit`, `coverage`, `pulls` and `tension`."""
    curves = [
        _coverage(method, audit.repetitions, at[:, :, None] <= np.array(LEVELS), LEVELS, n)
        for method, at in reached(audit, fit).items()
    ]
    counted = _coverage("calibrated", audit.repetitions, held(criticals, audit.repetitions), TWO, n)
    found = {
        "critical": critical_values(criticals, fit),
        "audit": {
            "trials": len(audit.repetitions.theta),
            "levels": list(TWO),
            "hits": {method: list(a.hits[TOGETHER]) for method, a in audits.items()},
        },
        "coverage": [*curves, counted],
        "pulls": _pulls(audit, criticals, fit),
    }
    if observed is not None and audit.q is not None:
        found["tension"] = tension_block(TensionLaw("modalities", audit.q), observed)
    return {k: b for k, b in found.items() if b}


def critical_values(criticals: Criticals, fit: Fit) -> list[dict[str, Any]]:
    """The block `critical`: each parameter's own critical values along itself."""
    lines = [(p, critical_blocks(v, fit.theta.numpy(), 1)) for p, v in criticals.single.items()]
    return [b for p, blocks in lines for b in blocks if b["parameter"] == p]


def said_of(audit: Audited, criticals: Criticals) -> list[str]:
    """Where calibrated sets fail in some slice of theta, all slices sharing a false-alarm rate of 1 %; and lost ascents."""
    found = audit.repetitions
    inside = criticals.joint.inside(found.theta, found.joint)
    low, high = found.theta.min(axis=0), found.theta.max(axis=0)
    slices = Audit.measure(found.names, found.theta, inside, TWO, low, high)
    lost = 1 - found.converged.mean()
    stuck = f"In {lost:.0%} of repetitions the maximum was not reached; their t is too small."
    return [stuck] * bool(lost > 0.01) + [
        f"Calibrated sets hold the truth in {cell['coverage']:.0%} of repetitions with {cell['parameter']} between"
        f" {cell['from']:.4g} and {cell['to']:.4g}, not in {cell['level']:.0%}."
        for cell in slices.failing(0.01)
    ]


def _central(off: np.ndarray, error: np.ndarray) -> np.ndarray:
    """The level of the interval about theta_hat that ends at the truth."""
    z = np.divide(off, error, out=np.full_like(off, np.inf), where=error > 0)
    return 2 * ndtr(z) - 1


def _audit(found: Repetitions, inside: np.ndarray) -> ErrorAudit:
    hits = zip((*found.profiled, TOGETHER), inside.sum(axis=0).tolist(), strict=True)
    return ErrorAudit(tuple(TWO), len(inside), {name: tuple(counts) for name, counts in hits})


def _coverage(
    label: str, found: Repetitions, inside: np.ndarray, levels: tuple[float, ...], n: int
) -> dict[str, Any]:
    """Coverage at some levels, from memberships `(n, P + 1, A)`."""
    hits = dict(zip((*found.profiled, TOGETHER), inside.sum(axis=0).tolist(), strict=True))
    facts = {"label": label, "n_obs": n, "levels": list(levels)}
    return {**facts, "hits": hits, "trials": len(inside)}


def _pulls(audit: Audited, criticals: Criticals, fit: Fit) -> dict[str, Any] | None:
    """Closure of the parameters that the real data identify, over the repetitions where all of them are interior."""
    found, widths = audit.repetitions, audit.widths
    names = [p for p in found.profiled if p in fit.identified]
    columns, rows = (
        [found.names.index(p) for p in names],
        [found.profiled.index(p) for p in names],
    )
    regular = (widths.std[:, columns] > 0).all(axis=1)
    if regular.sum() < 2 or not names:
        return None
    truth, hat, std = (a[regular][:, columns] for a in (found.theta, found.theta_hat, widths.std))
    inside = criticals.inside(found)[regular][:, rows]
    closure = Closure.measure(names, truth, hat, std, TWO, inside)
    bias = {p: [float(m), float(e)] for p, m, e in zip(names, *closure.bias, strict=True)}
    return pulls_block(closure) | {"bias": bias, "at_boundary": int((~regular).sum())}
