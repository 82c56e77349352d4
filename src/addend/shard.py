"""One shard: an immutable Zarr group. The only importer of zarr.

One array `(n, ...)` a column, of float64, float32 or int64, one chunk an array, named by its content:

    digest = sha256(attributes, then of every column, by name: its name, shape, dtype and little-endian bytes),
    name   = <first 16 hex digits>.zarr

Same content, same name, same bytes on disk. It is written beside, synced and renamed into place (durable.py).
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from .durable import only_writer, written_beside
from .errors import BadSetting, EmptyTable, TamperedArtifact
from .schema import Columns

PLAIN, SMALLER = np.dtype("<f8"), ("<f4", "<i8")
"""What a digest need not say, and what is stored as it comes."""
LOST = -(2**63)
CODEC = BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle")


@dataclass(frozen=True)
class Shard:
    """One shard: its name `<digest[:16]>.zarr`, path, content digest and number of rows."""

    name: str
    path: Path
    digest: str
    n: int


def write_shard(folder: Path, columns: Columns, attrs: dict[str, Any]) -> Shard:
    """Write columns `(n, ...)` as one shard into `folder`, unless it is there already.

    attrs is JSON-able; its `units`, if given, maps a column to its unit. Raises `EmptyTable`, `BadSetting` (lengths).
    """
    with only_writer(folder):
        return write(folder, columns, attrs)


def read_shard(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The columns `(n, ...)` of a shard, by name, and its attributes; `TamperedArtifact` if they are not what it is named."""
    columns, attrs, digest = read(path)
    if digest[:16] != Path(path).stem:
        raise tampered(path, f"its content is {digest[:16]}, expected {Path(path).stem}")
    return columns, attrs


def group(path: Path) -> dict[str, np.ndarray]:
    """The arrays of any Zarr group, by name; whatever zarr makes of one that is none is a `ValueError`."""
    try:
        found: dict[str, Any] = dict(zarr.open_group(str(path), mode="r").arrays())
        return {name: np.asarray(array[...]) for name, array in found.items()}
    except Exception as e:  # zarr has errors of its own
        raise ValueError(type(e).__name__) from None


def write(folder: Path, columns: Columns, attrs: dict[str, Any]) -> Shard:
    n = rows_of(columns)
    columns, attrs, digest = _normalise(columns, attrs)
    path = Path(folder) / f"{digest[:16]}.zarr"
    if not path.exists():
        with written_beside(path) as temporary:
            _write_group(temporary, columns, attrs)
    return Shard(path.name, path, digest, n)


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any], str]:
    try:
        stored = zarr.open_group(str(path), mode="r", zarr_format=3)
        arrays: dict[str, Any] = dict(stored.arrays())
        units = {
            name: array.attrs["units"] for name, array in arrays.items() if "units" in array.attrs
        }
        attrs = {**stored.attrs, **({"units": units} if units else {})}
        columns, attrs, digest = _normalise(
            {name: array[...] for name, array in arrays.items()}, attrs
        )
    except Exception as e:  # whatever zarr makes of damaged bytes, it is one mistake to the user
        raise tampered(path, f"it cannot be read ({type(e).__name__})") from None
    if not sum(map(len, columns.values())):
        raise EmptyTable(f"the shard {path} has no rows", "write it again")
    return columns, attrs, digest


def rows_of(columns: Columns) -> int:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise BadSetting(
            f"columns differ in length: {lengths}", "give every observation one row in every column"
        )
    if not sum(lengths.values()):
        raise EmptyTable("there are no rows to write", "supply at least one observation")
    return next(iter(lengths.values()))


def tampered(path: Path, what: str) -> TamperedArtifact:
    return TamperedArtifact(
        f"{path} is damaged: {what}",
        "restore it with 'dvc checkout', or remove it and write it again",
    )


def _normalise(
    columns: Columns, attrs: dict[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, Any], str]:
    """Columns and attributes as stored, in one order, and the digest of both."""
    columns = {name: _stored(columns[name]) for name in sorted(columns)}
    attrs = json.loads(json.dumps(attrs, sort_keys=True, allow_nan=False))
    if "units" in attrs:
        attrs["units"] = {name: unit for name, unit in attrs["units"].items() if name in columns}
    sha = hashlib.sha256(json.dumps(attrs, sort_keys=True).encode())
    for name, values in columns.items():
        said = (
            [name, values.shape]
            if values.dtype == PLAIN
            else [name, values.shape, values.dtype.str]
        )
        sha.update(json.dumps(said).encode())
        sha.update(cast(Any, values))
    return columns, attrs, sha.hexdigest()


def _stored(values: np.ndarray) -> np.ndarray:
    """The array as it lies on disk: little-endian, and float64 unless it is one of the `SMALLER`."""
    values = np.asarray(values)
    smaller = [np.dtype(k) for k in SMALLER if values.dtype.newbyteorder("<") == np.dtype(k)]
    return np.ascontiguousarray(values, dtype=smaller[0] if smaller else PLAIN)


def _write_group(path: Path, columns: Columns, attrs: dict[str, Any]) -> None:
    """A lost chunk reads as NaN or `LOST`, not as zeros. One thread a chunk: with more, Blosc's bytes depend on their race."""
    units = attrs.get("units", {})
    group = zarr.create_group(
        str(path), zarr_format=3, attributes={k: v for k, v in attrs.items() if k != "units"}
    )
    for name, values in columns.items():
        group.create_array(
            name, data=values, chunks=values.shape, compressors=CODEC,
            fill_value=np.nan if values.dtype.kind == "f" else LOST,
            dimension_names=["row", *(f"{name}_{i}" for i in range(1, values.ndim))],
            attributes={"units": units[name]} if name in units else {},
        )  # fmt: skip
