"""Tables as a user writes them, those that ship among them."""

import csv
from pathlib import Path

import numpy as np

from addend.modality import Columns, Modality, installed

TRUTH = {"toy.intercept": -0.2, "toy.slope": 0.4}


def write(path: Path, columns: Columns, units: dict[str, str] | None = None) -> Path:
    """Columns as a user's table, units in brackets, a NaN as a blank cell."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(f"{name} [{units[name]}]" if units else name for name in columns)
        rows.writerows(
            ["" if np.isnan(v) else repr(float(v)) for v in row]
            for row in zip(*columns.values(), strict=True)
        )
    return path


def shipped(name: str) -> tuple[Modality, Columns, Columns]:
    """The modality, its first set as a table, and that set as observations."""
    modality = installed()[name]
    table = next(iter(modality.sets().values()))
    return modality, table, modality.read(table)


def rows(columns: Columns, chosen) -> Columns:
    """Some of the rows."""
    return {name: values[chosen] for name, values in columns.items()}
