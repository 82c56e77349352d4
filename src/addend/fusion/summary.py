"""summary.json: an answer as plain JSON, and back.

What an answer computes (pull, standing, closure, the error to quote) is written for readers and passed over on the way
back. docs/summary.md has every key.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from .answer import (
    SCHEMA_VERSION,
    Agreement,
    Answer,
    Correction,
    Covariance,
    Estimate,
    ModalityAnswer,
    ParameterAnswer,
)
from .methods import ErrorAudit


def as_dict(answer: Answer) -> dict[str, Any]:
    """The answer as plain JSON."""
    covariance = asdict(answer.covariance)
    correlation = covariance.pop("correlation")
    return {
        "schema_version": SCHEMA_VERSION,
        "fusion": answer.fusion,
        "mock": answer.mock,
        "parameters": {p: asdict(a) | {"pull": a.pull} for p, a in answer.parameters.items()},
        "covariance": covariance,
        "correlation": correlation,
        "modalities": {m: _modality(a) for m, a in answer.modalities.items()},
        "leave_one_out": {
            m: {"parameters": _estimates(of)} for m, of in answer.leave_one_out.items()
        },
        "tension": asdict(answer.tension) if answer.tension else None,
        "terms": list(answer.terms),
        "modes": [dict(mode) for mode in answer.modes],
        "sampling": dict(answer.sampling),
        "converged": answer.converged,
        "errors": {m: asdict(a) | {"passed": a.passed} for m, a in answer.errors.items()},
        "quote": answer.quote,
        "warnings": list(answer.warnings),
        "dropped": [m for m, a in answer.modalities.items() if a.dropped is not None],
        "truth": answer.closure,
        "calibration": answer.calibration and dict(answer.calibration),
        "provenance": dict(answer.provenance),
    }


def from_dict(d: Mapping[str, Any]) -> Answer:
    """The answer that `as_dict` wrote."""
    covariance = {**d["covariance"], "correlation": d["correlation"]}
    return Answer(
        fusion=d["fusion"],
        parameters={p: _read(ParameterAnswer, b) for p, b in d["parameters"].items()},
        covariance=_read(Covariance, covariance, lists=True),
        modalities={m: _read_modality(b) for m, b in d["modalities"].items()},
        leave_one_out={m: _read_estimates(b) for m, b in d["leave_one_out"].items()},
        tension=Agreement(**d["tension"]) if d["tension"] else None,
        terms=tuple(d["terms"]),
        modes=tuple(d["modes"]),
        sampling=d["sampling"],
        converged=d["converged"],
        errors={m: _read_audit(b) for m, b in d["errors"].items()},
        calibration=d["calibration"],
        warnings=tuple(d["warnings"]),
        provenance=d["provenance"],
    )


def _modality(a: ModalityAnswer) -> dict[str, Any]:
    computed = {"n_over_trust": a.n_over_trust, "standing": a.standing}
    plain = {"identified": list(a.identified), "parameters": _estimates(a.parameters)}
    return asdict(a) | plain | computed


def _estimates(of: Mapping[str, Estimate]) -> dict[str, Any]:
    return {p: asdict(e) for p, e in of.items()}


def _read(cls: type, d: Mapping[str, Any], lists: bool = False) -> Any:
    """A value from those of its fields that `d` has; pairs as tuples, matrices as lists."""
    known = {f.name: d[f.name] for f in fields(cls) if f.name in d}
    keep = {"posterior", "correlation", "curvature", "sandwich", "corrected"} if lists else set()
    return cls(
        **{k: tuple(v) if isinstance(v, list) and k not in keep else v for k, v in known.items()}
    )


def _read_estimates(block: Mapping[str, Any]) -> dict[str, Estimate]:
    return {p: _read(Estimate, b) for p, b in block["parameters"].items()}


def _read_modality(d: Mapping[str, Any]) -> ModalityAnswer:
    read = {"parameters": _read_estimates(d), "correction": Correction(**d["correction"])}
    return _read(ModalityAnswer, {**d, **read})


def _read_audit(d: Mapping[str, Any]) -> ErrorAudit:
    hits = {region: tuple(counts) for region, counts in d["hits"].items()}
    return ErrorAudit(tuple(d["levels"]), d["trials"], hits)
