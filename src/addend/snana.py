"""SNANA's tables of supernovae (Kessler et al., arXiv:0908.4280): words that end in a colon, then what they say.

    # comments
    VARNAMES: CID zHD MU MUERR
    SN: 2003it 0.02510 35.08 0.164

A row begins with `SN:` or another word of `ROWS`, the names with `VARNAMES:`; cells are parted by blanks. What stands before the
names, such as `NVAR:`, is passed over; after them there are rows and `END:`. A name is a name even where it looks like a number,
as some supernovae's do (`LABELS`).
"""

from collections.abc import Sequence
from pathlib import Path

from .errors import BadTable

NAMES, ROWS, END = "VARNAMES:", ("SN:", "GAL:", "ROW:", "OBS:"), "END:"
LABELS = ("CID", "CCID", "SNID", "IAUC", "NAME", "FIELD", "GALID")


def is_snana(lines: Sequence[str]) -> bool:
    """Whether some line names the columns as SNANA does."""
    return any(line.startswith(NAMES) for line in lines)


def parse(path: Path, lines: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The names of the columns that are no labels, and the cells of every row.

    Raises:
        BadTable: The columns are named twice, a row comes before its names or has another number of cells, or a line is no row.
    """
    names: list[str] = []
    rows: list[list[str]] = []
    for word, *cells in (line.split() for line in lines):
        if word == NAMES:
            if names:
                raise BadTable(f"{path} names its columns twice", "split it into two tables")
            names = cells
        elif word in ROWS:
            if len(cells) != len(names):
                raise BadTable(
                    f"row {len(rows) + 1} of {path} has {len(cells)} cells, expected {len(names)}",
                    "correct the row",
                )
            rows.append(cells)
        elif names and word != END:
            raise BadTable(
                f"row {len(rows) + 1} of {path} begins with '{word}', expected {', '.join(ROWS)}",
                "correct the row, or write # before what is a comment",
            )
    kept = [i for i, name in enumerate(names) if name.upper() not in LABELS]
    return [names[i] for i in kept], [[row[i] for i in kept] for row in rows]
