"""Shards: observations in, observations out. The only importer of zarr.

A shard is an immutable Zarr group, one array `(n, ...)` of float64 a column, one chunk an array, named by its content:

    digest = sha256(attributes, then of every column, by name: its name, shape and little-endian bytes),
    name   = <first 16 hex digits>.zarr

Same content, same name, same bytes on disk. It is written beside, synced and renamed into place (durable.py).

A set is a folder of shards and a `set.json` that lists them in order. Appending writes new shards and replaces the
list; the old shards stay as they are. A pool of simulations is a set too, with theta in columns `theta.<name>`.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from .durable import discard, only_writer, written_beside
from .errors import (
    BadSetting,
    EmptyTable,
    MissingColumn,
    NoObservations,
    NotFinite,
    TamperedArtifact,
    nearest,
)
from .modality import Columns, Schema

THETA = "theta."
MANIFEST = "set.json"
SHARD_BYTES = 2**27
CODEC = BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle")


@dataclass(frozen=True)
class Shard:
    """One shard: its name `<digest[:16]>.zarr`, path, content digest and number of rows."""

    name: str
    path: Path
    digest: str
    n: int


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
    attrs: dict

    def __iter__(self) -> Iterator[tuple[Shard, dict[str, np.ndarray]]]:
        for shard in self.shards:
            columns, attrs, digest = _read(shard.path)
            if (digest, attrs) != (shard.digest, self.attrs):
                raise _tampered(
                    shard.path, f"its content is {digest[:16]} and not what {MANIFEST} lists"
                )
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


def write_shard(folder: Path, columns: Columns, attrs: dict) -> Shard:
    """Write columns `(n, ...)` as one shard into `folder`, unless it is there already.

    attrs is JSON-able; its `units`, if given, maps a column to its unit. Raises `EmptyTable`, `BadSetting` (lengths).
    """
    with only_writer(folder):
        return _write(folder, columns, attrs)


def read_shard(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """The columns `(n, ...)` of a shard, by name, and its attributes; `TamperedArtifact` if they are not what it is named."""
    columns, attrs, digest = _read(path)
    if digest[:16] != Path(path).stem:
        raise _tampered(path, f"its content is {digest[:16]}, expected {Path(path).stem}")
    return columns, attrs


def write_set(
    folder: Path, columns: Columns, schema: Schema, attrs: dict, shard_rows: int | None = None
) -> ObservationSet:
    """Make `folder` the set of these observations; shards that it held before and holds no longer are removed.

    Arguments:
        columns: The fields of the schema and any `theta.<name>`; other columns are not stored.
        attrs: JSON-able: modality, set, mock, truth, source; `units` of the theta columns. The schema's units are added.
        shard_rows: Rows a shard; by default as many as fit 128 MiB.

    Raises the named errors of the schema's check, and `EmptyTable`; nothing is written then.
    """
    stored = _select(columns, schema)
    units = {**attrs.get("units", {}), **{f.name: f.unit for f in schema.fields}}
    attrs = {**attrs, "units": {name: units.get(name, "") for name in sorted(stored)}}
    with only_writer(folder):
        shards = [_write(folder, part, attrs) for part in _parts(stored, shard_rows)]
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
        new = [_write(folder, part, old.attrs) for part in _parts(stored, shard_rows)]
        return _write_manifest(
            folder, [*old.shards, *(s for s in new if s not in old.shards)], old.attrs
        )


def open_set(folder: Path) -> ObservationSet:
    """The set in `folder`, its list read and no column yet; `NoObservations` if there is none."""
    folder = Path(folder)
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        shards = tuple(
            Shard(s["name"], folder / s["name"], s["digest"], s["n"]) for s in manifest["shards"]
        )
        return ObservationSet(folder, shards, manifest["attrs"])
    except (FileNotFoundError, NotADirectoryError):
        raise _absent(folder) from None
    except (KeyError, TypeError, ValueError) as e:
        raise _tampered(
            folder / MANIFEST, f"it is not the list of a set ({type(e).__name__})"
        ) from None


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
    _rows(columns)
    schema.check(columns)
    theta = [name for name in columns if name.startswith(THETA)]
    for name in theta:
        if not np.isfinite(columns[name]).all():
            raise NotFinite(
                f"column '{name}' of the simulations is not finite", "mend the draw of theta"
            )
    return {name: columns[name] for name in [*schema.names, *theta]}


def _parts(columns: Columns, rows: int | None) -> Iterator[dict[str, np.ndarray]]:
    n = _rows(columns)
    rows = rows or max(
        1, SHARD_BYTES * n // sum(8 * np.size(values) for values in columns.values())
    )
    for start in range(0, n, rows):
        yield {name: values[start : start + rows] for name, values in columns.items()}


def _rows(columns: Columns) -> int:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise BadSetting(
            f"columns differ in length: {lengths}", "give every observation one row in every column"
        )
    if not sum(lengths.values()):
        raise EmptyTable("there are no rows to write", "supply at least one observation")
    return next(iter(lengths.values()))


def _normalise(columns: Columns, attrs: dict) -> tuple[dict[str, np.ndarray], dict, str]:
    """Columns and attributes as stored, in one order, and the digest of both."""
    columns = {name: np.ascontiguousarray(columns[name], dtype="<f8") for name in sorted(columns)}
    attrs = json.loads(json.dumps(attrs, sort_keys=True, allow_nan=False))
    if "units" in attrs:
        attrs["units"] = {name: unit for name, unit in attrs["units"].items() if name in columns}
    sha = hashlib.sha256(json.dumps(attrs, sort_keys=True).encode())
    for name, values in columns.items():
        sha.update(json.dumps([name, values.shape]).encode())
        sha.update(values)
    return columns, attrs, sha.hexdigest()


def _write(folder: Path, columns: Columns, attrs: dict) -> Shard:
    n = _rows(columns)
    columns, attrs, digest = _normalise(columns, attrs)
    path = Path(folder) / f"{digest[:16]}.zarr"
    if not path.exists():
        with written_beside(path) as temporary:
            _write_group(temporary, columns, attrs)
    return Shard(path.name, path, digest, n)


def _write_group(path: Path, columns: Columns, attrs: dict) -> None:
    """A lost chunk reads as NaN, not as zeros. One thread a chunk: with more, Blosc's bytes depend on their race."""
    units = attrs.get("units", {})
    group = zarr.create_group(
        str(path), zarr_format=3, attributes={k: v for k, v in attrs.items() if k != "units"}
    )
    for name, values in columns.items():
        group.create_array(
            name, data=values, chunks=values.shape, compressors=CODEC, fill_value=np.nan,
            dimension_names=["row", *(f"{name}_{i}" for i in range(1, values.ndim))],
            attributes={"units": units[name]} if name in units else {},
        )  # fmt: skip


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict, str]:
    try:
        group = zarr.open_group(str(path), mode="r", zarr_format=3)
        arrays = dict(group.arrays())
        units = {
            name: array.attrs["units"] for name, array in arrays.items() if "units" in array.attrs
        }
        attrs = {**group.attrs, **({"units": units} if units else {})}
        columns, attrs, digest = _normalise(
            {name: array[...] for name, array in arrays.items()}, attrs
        )
    except Exception as e:  # whatever zarr makes of damaged bytes, it is one mistake to the user
        raise _tampered(path, f"it cannot be read ({type(e).__name__})") from None
    if not sum(map(len, columns.values())):
        raise EmptyTable(f"the shard {path} has no rows", "write it again")
    return columns, attrs, digest


def _write_manifest(folder: Path, shards: list[Shard], attrs: dict) -> ObservationSet:
    attrs = json.loads(json.dumps(attrs, sort_keys=True))
    content = {
        "attrs": attrs,
        "shards": [{"name": s.name, "digest": s.digest, "n": s.n} for s in shards],
    }
    with written_beside(Path(folder) / MANIFEST) as temporary:
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    return ObservationSet(Path(folder), tuple(shards), attrs)


def _absent(folder: Path) -> NoObservations:
    beside = sorted(path.parent.name for path in folder.parent.glob(f"*/{MANIFEST}"))
    found = f", found {', '.join(beside)} beside it" if beside else ""
    bring = f"bring them with 'addend ingest {folder.parent.name} <table.csv> --set {folder.name}'"
    remedy = nearest(folder.name, beside, bring) if beside else bring
    return NoObservations(f"there are no observations in {folder}{found}", remedy)


def _tampered(path: Path, what: str) -> TamperedArtifact:
    return TamperedArtifact(
        f"{path} is damaged: {what}",
        "restore it with 'dvc checkout', or remove it and write it again",
    )
