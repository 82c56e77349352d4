"""The calibration record: what is known about an encoder's errors, and travels in its artifact.

A record is diagnostics by name, each an additive value, so records of shards add up to the record of the pool. Its
conclusions (`summary`) are computed, never stored. The names that the gate and the report know:

    score            ScoreMoments on a design over theta
    normalisation    Normalisation
    ranks_1, ranks_N          Ranks of every parameter, for one observation and for the expected number
    coverage_1, coverage_N    Coverage of the joint region and of every parameter
    tarp_1, tarp_N            Coverage in TARP's distance
    log_score        Mean of `information.log_score` on held-out pairs
    kept_fit, kept_audit      ScoreRegression of the true score on that of psi, for a lossy f_m
    fisher_z, fisher_x        ScoreMoments of psi on z and of a reference on x, for a lossy f_m
    gap              Mean difference of log score between x and z
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..encoder import Encoder
from ..errors import DISTRUST, NotMergeable, UnfitManifest, shown
from .additive import plain
from .centring import Centring
from .coverage import Coverage
from .information import Mean, ScoreRegression, fisher_efficiency, kept_fisher
from .normalisation import Normalisation
from .ranks import Ranks
from .score import ScoreMoments, hotelling, pooled_ratio
from .support import Outside, Support
from .trust import trust_size

KINDS = {
    kind.__name__: kind
    for kind in (ScoreMoments, Normalisation, Ranks, Coverage, Mean, ScoreRegression, Outside)
}


@dataclass(frozen=True, eq=False)
class Record:
    """What was measured of one encoder.

    Arguments:
        name: Of the modality.
        names: Its parameters.
        expected: The number of observations it is meant for.
        lossless: Whether f_m was shown to be invertible, so that no information is lost.
        parts: Diagnostics by name.
        support: The out-of-support detector, once all parts are added.
        centring: The score-centring fitted to their sum, whether or not it is used.
    """

    name: str
    names: tuple[str, ...]
    expected: int
    lossless: bool
    parts: dict[str, Any] = field(default_factory=dict)
    support: Support | None = None
    centring: Centring | None = None

    def __add__(self, other: "Record") -> "Record":
        """The record of both pools. A support or a centring is fitted to a whole pool, and does not add."""
        if any(r.support or r.centring for r in (self, other)):
            raise NotMergeable(
                f"a record of '{self.name}' that has its support or centring already takes no other",
                "add the records first, then fit support and centring to the sum",
            )
        mine, theirs = ((r.name, r.names, r.expected, r.lossless) for r in (self, other))
        if mine != theirs:
            raise NotMergeable(
                f"records of {mine} and {theirs} cannot be added", "merge records of one encoder"
            )
        keys = dict.fromkeys([*self.parts, *other.parts])
        parts = {k: sum(r.parts[k] for r in (self, other) if k in r.parts) for k in keys}
        return Record(*mine, parts)

    def __radd__(self, other: int) -> "Record":
        return self if other == 0 else NotImplemented

    def summary(self) -> dict[str, Any]:
        """The conclusions as plain JSON, of whatever was measured."""
        conclusions = {
            key: CONCLUDE[type(part)](part)
            for key, part in self.parts.items()
            if type(part) in CONCLUDE
        }
        kept = information_kept(self)
        return plain(
            {
                "name": self.name,
                "names": self.names,
                "expected": self.expected,
                "information_kept": kept,
                **conclusions,
            }
        )

    def as_dict(self) -> dict[str, Any]:
        """The record as plain JSON."""
        return {
            "name": self.name, "names": list(self.names), "expected": self.expected, "lossless": self.lossless,
            "parts": {k: {"kind": type(part).__name__, **part.as_dict()} for k, part in self.parts.items()},
            "support": self.support.as_dict() if self.support else None,
            "centring": self.centring.as_dict() if self.centring else None,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> "Record":
        """The record that `as_dict` described."""
        parts = {k: KINDS[part["kind"]].from_dict(part) for k, part in d["parts"].items()}
        support = Support.from_dict(d["support"]) if d["support"] else None
        centring = Centring.from_dict(d["centring"]) if d["centring"] else None
        return cls(
            d["name"], tuple(d["names"]), d["expected"], d["lossless"], parts, support, centring
        )

    @classmethod
    def of(cls, encoder: Encoder) -> "Record | None":
        """The record in an encoder, None before calibration; raises as `known` does."""
        return cls.known(encoder) if encoder.record else None

    @classmethod
    def known(cls, encoder: Encoder) -> "Record":
        """The record in an encoder; `UnfitManifest` if what it holds is none, or another encoder's."""
        try:
            found = cls.from_dict(encoder.record)
        except Exception as e:  # a record from another team can be anything that JSON can write
            said = f"the record of encoder '{encoder.name}' cannot be read ({type(e).__name__})"
            raise UnfitManifest(said, DISTRUST) from None
        if (found.name, found.names) != (encoder.name, encoder.space.names):
            said = f"the record of encoder '{encoder.name}' is one of {shown(found.name)}"
            raise UnfitManifest(said, DISTRUST)
        return found


def information_kept(record: Record) -> float | None:
    """The smallest measured fraction of Fisher information that f_m keeps; 1 if lossless, None if not measured."""
    if record.lossless:
        return 1.0
    parts, found = record.parts, []
    if "kept_fit" in parts and "kept_audit" in parts:
        found += kept_fisher(parts["kept_fit"], parts["kept_audit"]).tolist()
    if "fisher_z" in parts and "fisher_x" in parts:
        cells = [e for e in fisher_efficiency(parts["fisher_z"], parts["fisher_x"]) if e.size]
        found.append(float(np.mean([e.min() for e in cells])))
    return min(found) if found else None


def _score(moments: ScoreMoments) -> dict[str, Any]:
    p = hotelling(moments)
    return {
        "trust_size": trust_size(moments).as_dict(),
        "information_ratio": pooled_ratio(moments),
        "smallest_p_value": min(1.0, float(p.min()) * len(p)),
        "simulations": float(moments.n.sum()),
    }


def _coverage(counts: Coverage) -> dict[str, Any]:
    return {"n": float(counts.n), "verdicts": counts.verdicts(), "halfwidth": counts.halfwidth(), "names": counts.names,
            "levels": counts.levels, "coverage": counts.coverage}  # fmt: skip


CONCLUDE: dict[type, Callable[[Any], Any]] = {
    ScoreMoments: _score,
    Normalisation: lambda z: {"worst": z.worst(), "log_z": z.log_z, "error": z.error},
    Ranks: lambda r: {"n": r.n, "verdicts": r.verdicts(), "p_values": r.p_values()},
    Coverage: _coverage,
    Mean: lambda m: {"value": m.value, "error": m.error},
    Outside: lambda o: {"n": float(o.n), "outside": float(o.outside), "p_value": o.p_value},
}
