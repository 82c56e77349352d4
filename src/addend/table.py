"""A user's table: a CSV file to named columns.

    # lines that begin with '#' are comments
    z, H [km/s/Mpc], H_err, galaxy
    0.07, 69.0, 19.6, NGC 1
    0.09, 69.0, , NGC 2

The first row names the columns, each with its unit in brackets or without one: the model card's is meant then. A blank
cell is a NaN (what becomes of it is for the modality to say). A column in which no cell is a number is text and is left
out, unless numbers are due in it; so is a column without a name. Rows are counted from 1 below the names. A table of SNANA's
(`snana`) is read as it is.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from . import snana
from .errors import BadSetting, BadTable, EmptyTable, NotFinite, UnknownParameter, UnknownUnit
from .parameters import ParameterSpace
from .schema import Schema

HEADER = re.compile(r"(?P<name>[^\[\]]*?)\s*(?:\[(?P<unit>[^\[\]]*)\])?")


def read_table(
    path: Path, units: Schema | Mapping[str, str] | None = None
) -> dict[str, np.ndarray]:
    """The columns of a CSV file, each `(N,)` float64.

    Arguments:
        path: The file.
        units: Columns in which numbers are due, with their units: a modality's schema or a mapping. A column that the
            file lacks is not missed here, and one that is not named here may have any unit.

    Raises:
        BadSetting: The file cannot be opened.
        BadTable: A cell that is not a number, a row of another length, two columns of one name, no names.
        EmptyTable: No rows.
        UnknownUnit: A column in another unit than its own.
    """
    due = {f.name: f.unit for f in units.fields} if isinstance(units, Schema) else dict(units or {})
    return _columns(Path(path), *_parse(Path(path)), due)


def read_points(path: Path, space: ParameterSpace, others: Sequence[str] = ()) -> np.ndarray:
    """theta `(J, D)` from a CSV file with one column a parameter, in the order of `space`.

    Columns named in `others` are passed over.

    Raises:
        UnknownParameter: A column that is neither a parameter of the space nor among the others, or a parameter without a column.
        NotFinite: A cell that is blank, NaN or infinite.
        OutsideSupport: A point outside the bounds.
        BadSetting, BadTable, EmptyTable, UnknownUnit: As `read_table`.
    """
    header, rows = _parse(Path(path))
    names = [name for name, _ in header if name]
    space.index([name for name in names if name in space.names or name not in others])
    for missing in set(space.names) - set(names):
        raise UnknownParameter(
            f"no column '{missing}' in {path}, found {', '.join(names)}",
            "add it: every parameter is needed",
        )
    columns = _columns(Path(path), header, rows, {p.name: p.unit for p in space})
    theta = np.stack([columns[name] for name in space.names], axis=1)
    if not np.isfinite(theta).all():
        row, d = np.argwhere(~np.isfinite(theta))[0]
        raise NotFinite(
            f"'{space.names[d]}' is not a finite number in row {row + 1} of {path}",
            "supply the number",
        )
    space.require_inside(theta)
    return theta


def _parse(path: Path) -> tuple[list[tuple[str, str | None]], list[list[str]]]:
    """Name and stated unit of every column, and the cells of every row."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in file if line.strip() and not line.lstrip().startswith("#")]
        if snana.is_snana(lines):
            names, rows = snana.parse(path, lines)
        else:
            names, *rows = [
                [cell.strip() for cell in row] for row in csv.reader(lines, skipinitialspace=True)
            ] or [[]]
    except OSError as e:
        raise BadSetting(
            f"the table {path} cannot be opened ({e.strerror})", "correct the path"
        ) from None
    except (UnicodeDecodeError, csv.Error) as e:
        raise BadTable(
            f"{path} is not a CSV file in UTF-8 ({e})", "save the table as one"
        ) from None
    for i, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise BadTable(
                f"row {i} of {path} has {len(row)} cells, expected {len(names)}", "correct the row"
            )
    if not rows:
        raise EmptyTable(
            f"there are no rows in {path}", "supply a row of names and at least one of numbers"
        )
    return [_heading(cell, path) for cell in names], rows


def _heading(cell: str, path: Path) -> tuple[str, str | None]:
    """`H [km/s/Mpc]` as a name and a unit; None where none is stated, `1` for empty brackets."""
    match = HEADER.fullmatch(cell)
    if not match or _number(match["name"]) is not None:
        raise BadTable(
            f"'{cell}' at the top of {path} does not name a column",
            "begin with a row of names, as in 'H [km/s/Mpc]'",
        )
    return match["name"], match["unit"] if match["unit"] is None else match["unit"].strip() or "1"


def _columns(
    path: Path, header: list[tuple[str, str | None]], rows: list[list[str]], due: Mapping[str, str]
) -> dict[str, np.ndarray]:
    columns = {}
    for i, (name, unit) in enumerate(header):
        if name in columns:
            raise BadTable(f"two columns of {path} are named '{name}'", "rename or remove one")
        if unit is not None and unit != due.get(name, unit):
            raise UnknownUnit(
                f"column '{name}' of {path} is in {unit}, expected {due[name]}",
                "convert the column",
            )
        if name:
            columns[name] = _values(path, name, [row[i] for row in rows], name in due)
    return {name: values for name, values in columns.items() if values is not None}


def _values(path: Path, name: str, cells: list[str], numbers_due: bool) -> np.ndarray | None:
    """The numbers `(N,)` of one column, NaN where blank; None for a column of text."""
    values = [_number(cell or "nan") for cell in cells]
    if None not in values:
        return np.array(values, dtype=np.float64)
    if not numbers_due and not any(
        cell and value is not None for cell, value in zip(cells, values, strict=True)
    ):
        return None
    row = values.index(None)
    raise BadTable(
        f"'{cells[row]}' in row {row + 1}, column '{name}' of {path} is not a number",
        "correct the cell",
    )


def _number(cell: str) -> float | None:
    """What a number is on paper: Python also reads `1_000` and the digits of every script."""
    try:
        return float(cell) if cell.isascii() and "_" not in cell else None
    except ValueError:
        return None
