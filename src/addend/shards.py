"""Sets of observations, as shards.

A set is a folder of shards (`shard`) and a `set.json` that lists them in order and states its own sha256 (sets that an older
core wrote do not). Appending writes new shards and replaces the list; the old shards stay as they are. A pool of simulations
is a set too, with theta in columns `theta.<name>`.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .durable import discard, only_writer, written_beside
from .errors import (
    EmptyTable,
    MissingColumn,
    NoObservations,
    NotFinite,
    SetExists,
    nearest,
    shown,
)
from .modality import Columns, Schema
from .shard import Shard, read, read_shard, rows_of, tampered, write, write_shard
from .strict import strict

__all__ = [
    "ObservationSet",
    "Shard",
    "append_set",
    "copy_set",
    "open_set",
    "read_set",
    "read_shard",
    "theta_of",
    "with_theta",
    "write_set",
    "write_shard",
]

THETA = "theta."
MANIFEST = "set.json"
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
        for shard in self.shards:
            columns, attrs, digest = read(shard.path)
            found = (digest, attrs, rows_of(columns))
            if found != (shard.digest, self.attrs, shard.n):
                what = f"it is {digest[:16]} of {rows_of(columns)} rows"
                raise tampered(shard.path, f"{what}, not what {MANIFEST} lists")
            yield shard, columns

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
    """Make `folder` the set of these observations; shards that it held before and holds no longer are removed.

    Arguments:
        columns: The fields of the schema and any `theta.<name>`; other columns are not stored.
        attrs: JSON-able: modality, set, mock, truth, source; `units` of the theta columns. The schema's units are added.
        shard_rows: Rows a shard; by default as many as fit 128 MiB.
        new: Only where there is no set yet, whoever else makes one meanwhile; `SetExists` otherwise.

    Raises the named errors of the schema's check, and `EmptyTable`; nothing is written then.
    """
    stored = _select(columns, schema)
    units = {**attrs.get("units", {}), **{f.name: f.unit for f in schema.fields}}
    attrs = {**attrs, "units": {name: units.get(name, "") for name in sorted(stored)}}
    with only_writer(folder):
        if new and (Path(folder) / MANIFEST).exists():
            raise SetExists(f"there is a set in {folder} already", "choose another name")
        shards = _write_shards(folder, stored, attrs, shard_rows)
        result = _write_manifest(folder, shards, attrs)
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
        new = _write_shards(folder, stored, old.attrs, shard_rows)
        return _write_manifest(
            folder, [*old.shards, *(s for s in new if s not in old.shards)], old.attrs
        )


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
        manifest = strict((folder / MANIFEST).read_bytes())
        listed, attrs = _listed(manifest)
    except (FileNotFoundError, NotADirectoryError):
        raise _absent(folder) from None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as e:
        said = f"it is not the list of a set ({e or type(e).__name__})"
        raise tampered(folder / MANIFEST, said) from None
    shards = tuple(Shard(name, folder / name, digest, n) for name, digest, n in listed)
    return ObservationSet(folder, shards, attrs)


def read_set(folder: Path) -> ObservationSet:
    """The set in `folder`, every column read and verified: `NoObservations`, `EmptyTable`, `TamperedArtifact` if it cannot be."""
    result = open_set(folder)
    if not len(result.columns):
        raise EmptyTable(f"the set {folder} has no observations", "ingest at least one")
    return result


def with_theta(columns: Columns, theta: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
    """`columns` and theta `(n, D)` as columns `theta.<name>`: the rows of a pool of simulations."""
    return {**columns, **{THETA + name: theta[:, d] for d, name in enumerate(names)}}


def theta_of(columns: Columns, names: Sequence[str]) -> np.ndarray:
    """theta `(n, D)` from the columns `theta.<name>` of a pool of simulations, in the order of `names`."""
    return np.stack([columns[THETA + name] for name in names], axis=1)


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
    return {name: columns[name] for name in [*schema.names, *theta]}


def _write_shards(
    folder: Path, columns: Columns, attrs: dict[str, Any], rows: int | None
) -> list[Shard]:
    """Parts that are equal would be one shard listed twice, as damage is: then all rows are one shard."""
    shards = [write(folder, part, attrs) for part in _parts(columns, rows)]
    return shards if len(set(shards)) == len(shards) else [write(folder, columns, attrs)]


def _parts(columns: Columns, rows: int | None) -> Iterator[dict[str, np.ndarray]]:
    n = rows_of(columns)
    rows = rows or max(
        1, SHARD_BYTES * n // sum(8 * np.size(values) for values in columns.values())
    )
    for start in range(0, n, rows):
        yield {name: values[start : start + rows] for name, values in columns.items()}


def _listed(manifest: dict[str, Any]) -> tuple[list[tuple[str, str, int]], dict[str, Any]]:
    """Name, digest and rows of each shard, and the attributes; `ValueError` of a list that cannot be what was written."""
    attrs, listed = (
        manifest["attrs"],
        [(s["name"], s["digest"], s["n"]) for s in manifest["shards"]],
    )
    stated = manifest.get("sha256", _own(attrs, manifest["shards"]))
    if set(manifest) - {"attrs", "shards", "sha256"} or stated != _own(attrs, manifest["shards"]):
        raise ValueError("it is not what its own sha256 says")
    if len(set(listed)) < len(listed):
        raise ValueError("a shard is listed twice")
    for name, digest, n in listed:
        if name != f"{digest[:16]}.zarr" or type(n) is not int or n < 1:
            raise ValueError(f"{shown(name)} of {shown(n)} rows is no shard")
    return listed, attrs


def _own(attrs: dict[str, Any], shards: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps([attrs, shards], sort_keys=True).encode()).hexdigest()


def _write_manifest(folder: Path, shards: list[Shard], attrs: dict[str, Any]) -> ObservationSet:
    attrs = json.loads(json.dumps(attrs, sort_keys=True))
    listed = [{"name": s.name, "digest": s.digest, "n": s.n} for s in shards]
    content = {"attrs": attrs, "shards": listed, "sha256": _own(attrs, listed)}
    with written_beside(Path(folder) / MANIFEST) as temporary:
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    return ObservationSet(Path(folder), tuple(shards), attrs)


def _absent(folder: Path) -> NoObservations:
    beside = sorted(path.parent.name for path in folder.parent.glob(f"*/{MANIFEST}"))
    found = f", found {', '.join(beside)} beside it" if beside else ""
    bring = f"bring them with 'addend ingest {folder.parent.name} <table.csv> --set {folder.name}'"
    remedy = nearest(folder.name, beside, bring) if beside else bring
    return NoObservations(f"there are no observations in {folder}{found}", remedy)
