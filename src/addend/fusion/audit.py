"""What the audited repetitions of a fusion say, as blocks of the report."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2, norm

from ..calibration import Audit, Closure, TensionLaw
from ..calibration.coverage import LEVELS
from ..calibration.neyman import LEVELS as TWO
from ..maximum.fit import Fit
from ..report.blocks import audit_block, critical_blocks, pulls_block, tension_block
from .critical import Criticals
from .repetitions import Repetitions, Widths

TOGETHER = "together"
"""The region of all parameters at once, among those of each."""


@dataclass(frozen=True)
class Audited:
    """Repetitions, with their widths and the tension Q `(n,)` of each where those were measured. `sum()` works."""

    repetitions: Repetitions
    widths: Widths | None = None
    q: np.ndarray | None = None

    def __add__(self, other):
        if isinstance(other, int) and other == 0:
            return self
        q = None if self.q is None else np.concatenate([self.q, other.q])
        return Audited(self.repetitions + other.repetitions, self.widths + other.widths, q)

    __radd__ = __add__


def audited(
    audit: Audited, criticals: Criticals, fit: Fit, n: int, observed: float | None
) -> tuple[dict, list[str]]:
    """The blocks `audit`, `coverage`, `pulls` and `tension`, and what must be said in a sentence."""
    found, widths = audit.repetitions, audit.widths
    regions = {
        "wilks": found.joint[:, None] <= chi2.ppf(TWO, fit.rank),
        "sandwich": widths.distance[:, None] <= chi2.ppf(TWO, fit.rank),
        "neyman": criticals.joint.inside(found.theta, found.joint),
    }  # fmt: skip
    audits = {method: _audit(found, inside) for method, inside in regions.items()}
    columns = [found.names.index(p) for p in found.profiled]
    off, error = np.abs(found.off[:, columns]), widths.sandwich[:, columns]
    z = np.divide(off, error, out=np.full_like(off, np.inf), where=error > 0)
    single = {
        "Textbook intervals": (chi2.cdf(found.single, 1), chi2.cdf(found.joint, fit.rank)),
        "Sandwich intervals": (2 * norm.cdf(z) - 1, chi2.cdf(widths.distance, fit.rank)),
    }  # fmt: skip
    blocks = {
        "audit": audit_block(audits),
        "coverage": [
            *(_curve(label, found.profiled, np.column_stack(level), n) for label, level in single.items()),
            _counts("Calibrated intervals", found.profiled, criticals.inside(found), regions["neyman"], n),
        ],
        "pulls": _pulls(found, widths, criticals, fit),
    }  # fmt: skip
    if observed is not None and audit.q is not None:
        blocks["tension"] = tension_block(TensionLaw("modalities", audit.q), observed)
    return {k: b for k, b in blocks.items() if b is not None}, _said(audits["neyman"], found)


def critical_values(criticals: Criticals, fit: Fit) -> list[dict]:
    """The block `critical`: each parameter's own critical values along itself."""
    lines = [
        (p, critical_blocks(values, fit.theta.numpy(), 1)) for p, values in criticals.single.items()
    ]
    return [b for p, blocks in lines for b in blocks if b["parameter"] == p]


def _audit(found: Repetitions, inside: np.ndarray) -> Audit:
    return Audit.measure(
        found.names, found.theta, inside, TWO, found.theta.min(axis=0), found.theta.max(axis=0)
    )


def _curve(label: str, names: tuple[str, ...], level: np.ndarray, n: int) -> dict:
    """Coverage at many levels, from the level `(n, P + 1)` at which each region first holds the truth."""
    return _coverage(label, names, level[:, :, None] <= np.array(LEVELS), LEVELS, n)


def _counts(
    label: str, names: tuple[str, ...], single: np.ndarray, joint: np.ndarray, n: int
) -> dict:
    """Coverage at the levels that were learned, from memberships `(n, P, A)` and `(n, A)`."""
    return _coverage(label, names, np.concatenate([single, joint[:, None]], axis=1), TWO, n)


def _coverage(label: str, names: tuple[str, ...], inside: np.ndarray, levels, n: int) -> dict:
    hits = dict(zip((*names, TOGETHER), inside.sum(axis=0).tolist(), strict=True))
    return {"label": label, "n_obs": n, "levels": list(levels), "hits": hits, "trials": len(inside)}


def _pulls(found: Repetitions, widths: Widths, criticals: Criticals, fit: Fit) -> dict | None:
    """Closure of the parameters that the real data identify, over the repetitions where all of them are interior."""
    names = [p for p in found.profiled if p in fit.identified]
    columns, rows = [found.names.index(p) for p in names], [found.profiled.index(p) for p in names]
    regular = (widths.std[:, columns] > 0).all(axis=1)
    if regular.sum() < 2 or not names:
        return None
    truth, hat, std = (a[regular][:, columns] for a in (found.theta, found.theta_hat, widths.std))
    closure = Closure.measure(
        names, truth, hat, std, TWO, criticals.inside(found)[regular][:, rows]
    )
    bias = {p: [float(m), float(e)] for p, m, e in zip(names, *closure.bias, strict=True)}
    return pulls_block(closure) | {"bias": bias, "at_boundary": int((~regular).sum())}


def _said(audit: Audit, found: Repetitions) -> list[str]:
    """Where learned sets fail in some slice of theta, all slices sharing a false-alarm rate of 1 %; and lost ascents."""
    lost = 1 - found.converged.mean()
    stuck = (
        [f"In {lost:.0%} of repetitions the maximum was not reached; their t is too small."]
        if lost > 0.01
        else []
    )
    return stuck + [
        f"Calibrated sets hold the truth in {cell['coverage']:.0%} of repetitions with {cell['parameter']} between"
        f" {cell['from']:.4g} and {cell['to']:.4g}, not in {cell['level']:.0%}."
        for cell in audit.failing(0.01)
    ]
