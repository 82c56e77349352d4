"""The doors in: a user's table, or mock observations at a chosen theta, as immutable shards.

    addend ingest <modality> <table.csv> --set <name>       the modality reads the table, its units are checked
    addend ingest <modality> <arrays.npz> --set <name>      as arrays named like the fields; or a Zarr group
    addend ingest <modality> --mock --like <set> ...        mock observations at a stated theta, another set's covariates

Where the modality has a champion, covariates that its training never reached are said as they come in.

What came in once stays: another content under its name is refused, and rows are added only when told to.
"""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from .. import artifact, mocks, places, shards
from ..arrays import is_arrays, read_arrays
from ..champions import champion
from ..covariates import warn_of_covariates
from ..errors import BadSetting, NoChampion, SetExists
from ..modality import Columns, Modality, find
from ..names import plain
from ..parameters import read_agreement
from ..table import read_table


def ingest(
    name: str, table: Path, set_name: str, append: bool = False, source: str | None = None
) -> shards.ObservationSet:
    """A user's table as a set of observations; with `append`, as further rows of one.

    Arguments:
        source: Whose it is, where that is known; the name of the file otherwise.

    Raises:
        SetExists: A set of that name that is another, ships with the package, or is mock.
        NoObservations: There is nothing to append to.
        The named errors of `read_table` and of the modality's `read`. Nothing is written then.
    """
    modality = _free(name, set_name)
    columns = modality.read(_read(Path(table), modality))
    today = date.today().isoformat()
    facts = {"modality": name, "set": set_name, "mock": False}
    facts |= {"source": source or Path(table).name, "date": today}
    kept = (
        _append(modality, set_name, columns)
        if append
        else _keep(modality, set_name, columns, facts)
    )
    _warn_of_untrained(modality, columns, Path(table).name)
    return kept


def _read(path: Path, modality: Modality) -> Columns:
    return read_arrays(path) if is_arrays(path) else read_table(path, modality.table)


def mock(
    name: str, set_name: str, like: str, truth: Mapping[str, float], seed: int
) -> shards.ObservationSet:
    """Mock observations at a stated theta, with the covariates of the set `like`; the same seed gives the same ones.

    Raises:
        SetExists: As `ingest`.
        NoObservations: There is no set `like`.
        BadSetting, UnknownParameter, OutsideSupport: A truth that lacks a parameter, names another or leaves the support.
    """
    modality = _free(name, set_name)
    read_agreement(places.ROOT).subset(modality.parameters).index(list(truth))
    source = shards.read_set(places.observations(name, plain(like)))
    with tempfile.TemporaryDirectory() as folder:
        drawn = mocks.mock(Path(folder) / set_name, name, source, dict(truth), seed)
        return _keep(
            modality, set_name, drawn.columns, {**drawn.attrs, "set": set_name, "like": like}
        )


def read_truth(given: Sequence[str]) -> dict[str, float]:
    """theta from texts `name=value`."""
    try:
        return {name: float(value) for name, value in (text.split("=") for text in given)}
    except ValueError:
        raise BadSetting(
            f"'{' '.join(given)}' does not state a truth",
            "write --truth name=value once a parameter",
        ) from None


def _warn_of_untrained(modality: Modality, columns: Columns, where: str) -> None:
    """The warning `BeyondTraining`, if there is a champion that was never taught such covariates."""
    try:
        manifest = artifact.read_manifest(champion(modality.name))
    except NoChampion:
        return
    warn_of_covariates(manifest, columns, where)


def _free(name: str, set_name: str) -> Modality:
    """The modality, unless the set's name is no name or belongs to its package."""
    modality = find(name)
    if plain(set_name) in modality.sets():
        raise SetExists(
            f"the set '{set_name}' of '{name}' ships with its package", "choose another name"
        )
    return modality


def _keep(
    modality: Modality, set_name: str, columns: Columns, facts: dict[str, Any]
) -> shards.ObservationSet:
    """Write a set; what is there already is left alone if it is the same, and refused if it is another."""
    folder = places.observations(modality.name, set_name)
    with suppress(SetExists):
        return shards.write_set(folder, columns, modality.schema, facts, new=True)
    there = shards.read_set(folder)
    if there.attrs["mock"] != facts["mock"] or not _same(there.columns, columns):
        kind = "mock" if there.attrs["mock"] else "real"
        may_grow = not (facts["mock"] or there.attrs["mock"])
        raise SetExists(
            f"there is another set '{set_name}' of '{modality.name}' with {there.n} {kind} observations",
            "choose another name" + ", or say --append to add to it" * may_grow,
        )
    return there


def _append(modality: Modality, set_name: str, columns: Columns) -> shards.ObservationSet:
    folder = places.observations(modality.name, set_name)
    if shards.read_set(folder).attrs["mock"]:
        what = f"the set '{set_name}' of '{modality.name}' is mock"
        raise SetExists(what, "choose another name: real and mock are never mixed")
    return shards.append_set(folder, columns, modality.schema)


def _same(a: Columns, b: Columns) -> bool:
    return set(a) == set(b) and all(np.array_equal(a[name], b[name]) for name in a)
