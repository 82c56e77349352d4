"""Covariates beyond those of training: psi was never asked there, and nothing in S shows it.

psi is conditioned on covariates. Between those that training drew a network has learned; beyond them it goes on as it
pleases, at a redshift of 3 where training ended at 2.3 as at a mistyped error. So an encoder's manifest states the least and the
greatest value of each covariate in its train pool, `covariate_ranges`, and whoever uses the encoder is told what lies outside.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .errors import BeyondTraining
from .modality import Columns, Schema

Ranges = Mapping[str, Sequence[float]]
MARGIN = 1e-3
"""How far beyond its range a value may lie, in parts of its width: simulations do not quite reach the ends of their law."""


def ranges(
    schema: Schema, columns: Columns, before: Ranges | None = None
) -> dict[str, list[float]]:
    """The least and the greatest value of each covariate among simulations, in its unit, and among those before."""
    found = {}
    for name in (f.name for f in schema.covariates):
        ends = [columns[name].min(), columns[name].max(), *(before or {}).get(name, ())]
        found[name] = [float(min(ends)), float(max(ends))]
    return found


def beyond(manifest: Mapping[str, Any], columns: Columns, where: str) -> tuple[str, ...]:
    """A sentence for each covariate of N observations with rows beyond those of training: column, value, range, rows.

    Arguments:
        manifest: The encoder's; of one that states no `covariate_ranges`, nothing is said.
        where: What the rows are of, as in "the set 'x' of 'toy'".
    """
    known: Ranges = manifest.get("covariate_ranges", {})
    schema = Schema.from_dict(manifest["schema"])
    units = {f.name: f.unit for f in schema.covariates if f.name in known and f.name in columns}
    found = (_said(name, unit, columns[name], known[name], where) for name, unit in units.items())
    return tuple(sentence for sentence in found if sentence)


def warn_of_covariates(
    manifest: Mapping[str, Any], columns: Columns, where: str
) -> tuple[str, ...]:
    """Issue the warning `BeyondTraining` for each sentence of `beyond`, and return them."""
    said = beyond(manifest, columns, where)
    for sentence in said:
        warnings.warn(sentence, BeyondTraining, stacklevel=3)
    return said


def _said(name: str, unit: str, values: np.ndarray, known: Sequence[float], where: str) -> str:
    low, high = known
    flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    off = np.maximum(low - flat, flat - high).max(axis=1)
    rows = off > MARGIN * (high - low)
    if not rows.any():
        return ""
    worst = flat[off.argmax()]
    value = worst[np.maximum(low - worst, worst - high).argmax()]
    return (
        f"{rows.sum():,} of {len(flat):,} rows of {where} have a covariate beyond those of training: {name} = {value:g} "
        f"[{unit}] in row {off.argmax() + 1}, where training drew {low:g} to {high:g}; psi was never taught there."
    )
