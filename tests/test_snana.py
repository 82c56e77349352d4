"""SNANA's tables: keys, names that look like numbers, and what is wrong with one."""

import numpy as np
import pytest

from addend.errors import BadTable, EmptyTable
from addend.table import read_table

TEXT = """# zHD = redshift
NVAR: 4
VARNAMES: CID zHD MU FIELD
SN: 2003it 0.0251 35.08 X3
SN: 1246275   0.3 40.9  E1

SN: Gaia16agf 0.0252 35.26 C2
END:
"""
UNITS = {"zHD": "1", "MU": "mag"}


def test_rows_are_read_and_labels_left_out(file):
    columns = read_table(file(TEXT, "hd.txt"), UNITS)
    assert set(columns) == {"zHD", "MU"}
    assert np.array_equal(columns["zHD"], [0.0251, 0.3, 0.0252])
    assert np.array_equal(columns["MU"], [35.08, 40.9, 35.26])


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (TEXT.replace("0.3 40.9", "0.3"), BadTable, "row 2 of .* has 3 cells, expected 4"),
        (TEXT.replace("40.9", "4o.9"), BadTable, "'4o.9' in row 2, column 'MU'"),
        (TEXT + "\nVARNAMES: CID zHD MU FIELD\n", BadTable, "names its columns twice"),
        ("SN: a 1 2 3\n" + TEXT, BadTable, "row 1 of .* has 4 cells, expected 0"),
        ("VARNAMES: CID zHD MU\n", EmptyTable, "no rows"),
        (TEXT.replace("SN: 1246275", "SM: 1246275"), BadTable, "row 2 of .* begins with 'SM:'"),
    ],
)
def test_what_is_no_table_is_refused_with_its_row(file, text, error, said):
    with pytest.raises(error, match=said):
        read_table(file(text, "hd.txt"), UNITS)


def test_a_table_of_commas_is_still_one(file):
    assert np.array_equal(read_table(file("SN, MU\n1, 2\n"), {})["MU"], [2.0])
