"""Sets of observations, as shards.

A set is a folder of shards (`shard`) and a `set.json` that lists them in order and states its own sha256 (sets that an older
core wrote do not). Appending writes new shards and replaces the list; the old shards stay as they are. A pool of simulations
is a set too, with theta in columns `theta.<name>`.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from . import listed
from .durable import discard, only_writer
from .errors import (
    EmptyTable,
    MissingColumn,
    NoObservations,
    NotFinite,
    SetExists,
    nearest,
)
from .listed import MANIFEST
from .pools import THETA
from .schema import Columns, Schema
from .shard import Shard, read, read_shard, rows_of, tampered, write, write_shard

__all__ = [
    "ObservationSet",
    "Shard",
    "append_set",
    "copy_set",
    "open_set",
    "read_set",
    "read_shard",
    "write_parts",
    "write_set",
    "write_shard",
]

SHARD_BYTES = 2**27


@dataclass(frozen=True)
class ObservationSet:
    """The shards of one set. Iterating reads and verifies one shard at a time, as pairs `(Shard, columns)`.

    Arguments:
        folder: Where they lie.
        shards: The shards, in order.
        attrs: What is known of them all: modality, set, units, mock, truth, source.
    """

    folder: Path
    shards: tuple[Shard, ...]
    attrs: dict[str, Any]

    def __iter__(self) -> Iterator[tuple[Shard, dict[str, np.ndarray]]]:
        return ((shard, self.read(k)) for k, shard in enumerate(self.shards))

    def read(self, k: int) -> dict[str, np.ndarray]:
        """The columns of shard k, verified."""
        shard = self.shards[k]
        columns, attrs, digest = read(shard.path)
        if (digest, attrs, rows_of(columns)) != (shard.digest, self.attrs, shard.n):
            what = f"it is {digest[:16]} of {rows_of(columns)} rows"
            raise tampered(shard.path, f"{what}, not what {MANIFEST} lists")
        return columns

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """Every column `(n, ...)`, concatenated in the order of the shards."""
        parts = [columns for _, columns in self]
        return {name: np.concatenate([p[name] for p in parts]) for name in (parts or [{}])[0]}

    @property
    def n(self) -> int:
        """The number of rows."""
        return sum(s.n for s in self.shards)

    @property
    def digest(self) -> str:
        """sha256 over the digests of the shards, in order."""
        return hashlib.sha256(json.dumps([s.digest for s in self.shards]).encode()).hexdigest()


def write_set(
    folder: Path,
    columns: Columns,
    schema: Schema,
    attrs: dict[str, Any],
    shard_rows: int | None = None,
    new: bool = False,
) -> ObservationSet:
    """Make `folder` the set of these observations; shards that it held before are removed.

    Arguments:
        columns: The fields of the schema and any `theta.<name>`; other columns are not stored.
        attrs: JSON-able: modality, set, mock, truth, source; `units` of the theta columns. The schema's units are added.
        shard_rows: Rows a shard; by default as many as fit 128 MiB.
        new: Only where there is no set yet, whoever else makes one meanwhile; `SetExists` otherwise.

    Raises the named errors of the schema's check, and `EmptyTable`; nothing is written then.
    """
    stored = _select(columns, schema)
    return _write(folder, _parts(stored, shard_rows), schema, attrs, new, whole=stored)


def write_parts(
    folder: Path, parts: Iterable[Columns], schema: Schema, attrs: dict[str, Any]
) -> ObservationSet:
    """As `write_set`, a shard for each of `parts`, of which one is held at a time."""
    return _write(folder, (_select(columns, schema) for columns in parts), schema, attrs)


def _write(
    folder: Path,
    parts: Iterable[Columns],
    schema: Schema,
    attrs: dict[str, Any],
    new: bool = False,
    whole: Columns | None = None,
) -> ObservationSet:
    units = {**attrs.get("units", {}), **{f.name: f.unit for f in schema.fields}}
    with only_writer(folder):
        if new and (Path(folder) / MANIFEST).exists():
            raise SetExists(f"there is a set in {folder} already", "choose another name")
        first = next(parts := iter(parts))
        stated = {**attrs, "units": {name: units.get(name, "") for name in sorted(first)}}
        shards = _written(folder, chain([first], parts), stated, whole)
        result = _list(folder, shards, stated)
        for path in set(Path(folder).glob("*.zarr")) - {s.path for s in shards}:
            discard(path)
    return result


def append_set(
    folder: Path, columns: Columns, schema: Schema, shard_rows: int | None = None
) -> ObservationSet:
    """Add observations to a set as new shards. A shard that the set already holds is not added again.

    Raises:
        NoObservations: There is no such set.
        MissingColumn: The set and `columns` do not hold the same columns, `theta.<name>` included.
    """
    stored, names = _select(columns, schema), list(open_set(folder).attrs["units"])
    if sorted(stored) != names:
        what = f"the set {folder} holds the columns {', '.join(names)}, got {', '.join(sorted(stored))}"
        raise MissingColumn(what, "append rows of the same columns, or write another set")
    with only_writer(folder):
        old = open_set(folder)
        new = _written(folder, _parts(stored, shard_rows), old.attrs, stored)
        return _list(folder, [*old.shards, *(s for s in new if s not in old.shards)], old.attrs)


def _written(
    folder: Path, parts: Iterable[Columns], attrs: dict[str, Any], whole: Columns | None
) -> list[Shard]:
    """A shard a part. Equal parts would be one shard listed twice, as damage is: then all rows, if given, are one shard."""
    shards = [write(folder, part, attrs) for part in parts]
    if len(set(shards)) < len(shards) and whole is not None:
        return [write(folder, whole, attrs)]
    return shards


def copy_set(found: ObservationSet, folder: Path) -> None:
    """The list and the shards of a set in another folder, and nothing else that lies beside them."""
    Path(folder).mkdir(parents=True)
    shutil.copy(found.folder / MANIFEST, folder)
    for shard in found.shards:
        shutil.copytree(shard.path, folder / shard.name)


def open_set(folder: Path) -> ObservationSet:
    """The set in `folder`, its list read and no column yet; `NoObservations` if there is none."""
    folder = Path(folder)
    try:
        return ObservationSet(folder, *listed.read(folder))
    except (FileNotFoundError, NotADirectoryError):
        raise _absent(folder) from None


def read_set(folder: Path) -> ObservationSet:
    """The set in `folder`, every column read and verified: `NoObservations`, `EmptyTable`, `TamperedArtifact` if it cannot be."""
    result = open_set(folder)
    if not len(result.columns):
        raise EmptyTable(f"the set {folder} has no observations", "ingest at least one")
    return result


def _select(columns: Columns, schema: Schema) -> dict[str, np.ndarray]:
    """The columns worth storing, checked."""
    rows_of(columns)
    schema.check(columns)
    theta = [name for name in columns if name.startswith(THETA)]
    for name in theta:
        if not np.isfinite(columns[name]).all():
            raise NotFinite(
                f"column '{name}' of the simulations is not finite", "mend the draw of theta"
            )
    fields = {f.name: np.asarray(columns[f.name], dtype=f.dtype) for f in schema.fields}
    return {**fields, **{name: np.asarray(columns[name], dtype=np.float64) for name in theta}}


def _parts(columns: Columns, rows: int | None) -> Iterator[dict[str, np.ndarray]]:
    n = rows_of(columns)
    rows = rows or max(1, SHARD_BYTES * n // sum(values.nbytes for values in columns.values()))
    for start in range(0, n, rows):
        yield {name: values[start : start + rows] for name, values in columns.items()}


def _list(folder: Path, shards: list[Shard], attrs: dict[str, Any]) -> ObservationSet:
    return ObservationSet(Path(folder), tuple(shards), listed.write(Path(folder), shards, attrs))


def _absent(folder: Path) -> NoObservations:
    beside = sorted(path.parent.name for path in folder.parent.glob(f"*/{MANIFEST}"))
    found = f", found {', '.join(beside)} beside it" if beside else ""
    bring = f"bring them with 'addend ingest {folder.parent.name} <table.csv> --set {folder.name}'"
    remedy = nearest(folder.name, beside, bring) if beside else bring
    return NoObservations(f"there are no observations in {folder}{found}", remedy)
