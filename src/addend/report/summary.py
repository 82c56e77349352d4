"""summary.json held against its schema: an answer that does not follow it is not shown."""

from typing import Any

from ..fusion.answer import SCHEMA_VERSION
from .schema import bad, read_keys, require, validate_calibration

SUMMARY = read_keys("summary.csv")


def validate(summary: dict[str, Any]) -> dict[str, Any]:
    """The summary itself, if it follows the schema.

    Raises:
        BadSummary: Another major version, a key that is missing or of another kind, or matrices of another order.
    """
    _require_version(summary.get("schema_version"))
    require(summary, SUMMARY, "summary")
    _require_order(summary)
    validate_calibration(summary["calibration"] or {}, "summary.calibration")
    return summary


def _require_version(version: object) -> None:
    if str(version).split(".")[0] != SCHEMA_VERSION.split(".")[0]:
        raise bad(
            f"summary.schema_version is {version}, expected {SCHEMA_VERSION} or another of the same major version"
        )


def _require_order(summary: dict[str, Any]) -> None:
    names, known = summary["covariance"]["parameters"], list(summary["parameters"])
    if sorted(names) != sorted(known):
        raise bad(
            f"summary.covariance.parameters is {', '.join(names)}, expected the names of parameters: {', '.join(known)}"
        )
    kinds = ("curvature", "posterior", "sandwich", "corrected")
    matrices = {k: summary["covariance"][k] for k in kinds}
    for name, matrix in [*matrices.items(), ("correlation", summary["correlation"])]:
        if matrix is not None and [len(row) for row in matrix] != [len(names)] * len(names):
            raise bad(
                f"the matrix {name} is not {len(names)} x {len(names)}, as summary.covariance.parameters says"
            )
