"""A user's table: every number arrives, and every mistake is named with its place."""

import numpy as np
import pytest

from addend.errors import (
    BadSetting,
    BadTable,
    EmptyTable,
    NotFinite,
    OutsideSupport,
    UnknownParameter,
    UnknownUnit,
)
from addend.modality import Field, Schema
from addend.parameters import Parameter, ParameterSpace
from addend.table import read_points, read_table

SCHEMA = Schema((Field("H", "km/s/Mpc", "expansion rate"),), (Field("z", "1", "redshift"),))
SPACE = ParameterSpace(
    (Parameter("H0", "km/s/Mpc", "rate", 50.0, 90.0), Parameter("Om", "1", "density", 0.05, 0.7))
)


@pytest.fixture
def table(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


@pytest.mark.parametrize(
    "text",
    [
        "z,H\n0.1,69\n0.2,72.5\n",
        "z [1], H [km/s/Mpc]\n0.1, 69\n0.2, 7.25e1\n",
        "# from a paper\n\nz [],H[ km/s/Mpc ]\n# and here\n0.1,69\n\n0.2,72.5\n",
        "\ufeffz,H\r\n0.1,69\r\n0.2,72.5\r\n",
        ',z,"H"\n0,0.1,"69"\n1,0.2,72.5\n',
        "galaxy,H,z\nNGC 1,69,0.1\n,72.5,0.2\n",
    ],
)
def test_spellings_of_one_table_are_one_table(table, text):
    columns = read_table(table(text), SCHEMA)
    assert set(columns) == {"z", "H"} and all(v.dtype == np.float64 for v in columns.values())
    assert columns["z"].tolist() == [0.1, 0.2] and columns["H"].tolist() == [69.0, 72.5]


def test_a_blank_cell_is_a_nan(table):
    assert np.isnan(read_table(table("z,H\n0.1,\n0.2,70\n"), SCHEMA)["H"]).tolist() == [True, False]


def test_floats_survive_the_round_trip(table):
    values = np.random.default_rng(0).normal(size=100) * 10.0 ** np.random.default_rng(1).integers(
        -200, 200, 100
    )
    assert np.array_equal(
        read_table(table("x\n" + "\n".join(map(repr, values.tolist()))))["x"], values
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("z,H\n0.1,69\n0.2,n/a\n", "'n/a' in row 2, column 'H'"),
        ("z,H\nlow,69\nhigh,70\n", "'low' in row 1, column 'z'"),
        ("z,H,mass\n0.1,69,10.2\n0.2,70,10.2b\n", "'10.2b' in row 2, column 'mass'"),
        ("z,H\n0,1,69\n", "row 1 .* has 3 cells, expected 2"),
        ("z,z\n0.1,69\n", "two columns .* named 'z'"),
        ("0.1,69\n0.2,70\n", "'0.1' at the top"),
        ("z,H [km/s\n0.1,69\n", "'H \\[km/s' at the top"),
    ],
)
def test_what_is_no_table_is_named_with_its_place(table, text, where):
    with pytest.raises(BadTable, match=where):
        read_table(table(text), SCHEMA)


def test_a_file_that_is_not_text_is_no_table(table):
    with pytest.raises(BadTable):
        read_table(table("µ,H\n1,2\n", "latin-1"), SCHEMA)


def test_another_unit_than_declared_is_refused_and_a_stranger_may_have_any(table):
    with pytest.raises(UnknownUnit, match=r"'H' .* in m/s/Mpc, expected km/s/Mpc; convert"):
        read_table(table("z,H [m/s/Mpc]\n0.1,69\n"), SCHEMA)
    with pytest.raises(UnknownUnit, match="expected Mpc"):
        read_table(table("D [pc]\n1\n"), {"D": "Mpc"})
    assert read_table(table("z,H,mass [kg]\n0.1,69,3\n"), SCHEMA)["mass"].tolist() == [3.0]


@pytest.mark.parametrize("text", ["", "# a comment\n", "z,H\n", "z,H\n# 0.1,69\n"])
def test_no_rows_are_an_empty_table(table, text):
    with pytest.raises(EmptyTable):
        read_table(table(text), SCHEMA)


def test_a_file_that_is_not_there_is_a_bad_setting(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(BadSetting, match="cannot be opened"):
            read_table(path)


def test_points_come_in_the_order_of_the_space(table):
    theta = read_points(table("Om,H0 [km/s/Mpc]\n0.3,70\n0.2,60\n"), SPACE)
    assert theta.tolist() == [[70.0, 0.3], [60.0, 0.2]]


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("H0,Om,w\n70,0.3,-1\n", UnknownParameter, "'w'"),
        ("H0,Om,label\n70,0.3,best\n", UnknownParameter, "'label'"),
        ("H0\n70\n", UnknownParameter, "'Om'"),
        ("H0,Om\n70,0.3\n70,\n", NotFinite, "'Om' .* row 2"),
        ("H0,Om\ninf,0.3\n", NotFinite, "'H0' .* row 1"),
        ("H0,Om\n70,0.9\n", OutsideSupport, "Om = 0.9"),
        ("H0 [m/s],Om\n70,0.3\n", UnknownUnit, "m/s"),
        ("H0,Om\nfast,0.3\n", BadTable, "'fast'"),
        ("H0,Om\n", EmptyTable, "no rows"),
    ],
)
def test_points_that_cannot_be_used_are_named(table, text, error, match):
    with pytest.raises(error, match=match):
        read_points(table(text), SPACE)
