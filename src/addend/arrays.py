"""Arrays of observations from a file: numpy's `.npz`, or a Zarr group; for entries that no table of cells can hold.

Each array `(N, ...)` has the name of a field of the model card and one observation a row, in any byte order. Nothing in such a
file is unpickled.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from .errors import BadSetting, BadTable, EmptyTable
from .shard import group


def is_arrays(path: Path) -> bool:
    """Whether a path is one of them by its name: `.npz`, or a folder."""
    return path.suffix == ".npz" or path.is_dir()


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays in a file or group, by name.

    Raises:
        BadSetting: There is no such file.
        BadTable: It is none, holds objects, or its arrays differ in length.
        EmptyTable: No rows.
    """
    if not path.exists():
        raise BadSetting(f"the file {path} cannot be opened", "correct the path")
    try:
        found = group(path) if path.is_dir() else _npz(path)
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as e:
        raise BadTable(
            f"{path} is no file of plain arrays ({type(e).__name__})",
            "save it with numpy.savez, or as a Zarr group, numbers alone",
        ) from None
    lengths = {name: len(values) if values.ndim else 0 for name, values in found.items()}
    if len(set(lengths.values())) > 1:
        raise BadTable(
            f"arrays of {path} differ in length: {lengths}", "give each observation a row"
        )
    if not sum(lengths.values()):
        raise EmptyTable(f"there are no rows in {path}", "supply at least one observation")
    return found


def _npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        read: Any = {name: file[name] for name in file.files}
    return {name: _plain(values) for name, values in read.items()}


def _plain(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind not in "fiub":
        raise ValueError(values.dtype)
    return values.astype(values.dtype.newbyteorder("="))
