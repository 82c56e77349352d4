"""A bad table, theta, pair or truth is one sentence and status 2; every store stays as it was."""

import subprocess
import sys
from pathlib import Path

import pytest
from refusals import tree

from addend.doors import ingest
from addend.errors import (
    BadSetting,
    BadTable,
    EmptyTable,
    MissingColumn,
    NegativeError,
    NoChampion,
    NotFinite,
    OutsideSupport,
    SetExists,
    TooFewSimulations,
    UnknownModality,
    UnknownParameter,
    UnknownUnit,
)

GOOD = "t, y [1], y_err\n0.1, 0.5, 0.2\n-0.3, 0.2, 0.1\n"
POINTS = "toy.intercept,toy.slope\n0.0,0.5\n"
TABLES = {
    "a missing column": (MissingColumn, "y_err", "t,y\n0.1,0.5\n"),
    "a NaN": (NotFinite, "row 2", "t,y,y_err\n0.1,0.5,0.2\n0.2,nan,0.2\n"),
    "a blank cell": (NotFinite, "'t'", "t,y,y_err\n,0.5,0.2\n"),
    "a negative error": (NegativeError, "row 1", "t,y,y_err\n0.1,0.5,-0.2\n"),
    "an error of zero": (NegativeError, "y_err", "t,y,y_err\n0.1,0.5,0\n"),
    "an unknown unit": (UnknownUnit, "Mpc", "t,y [Mpc],y_err\n0.1,0.5,0.2\n"),
    "zero rows": (EmptyTable, "no rows", "t,y,y_err\n"),
}
THETAS = {
    "an unknown parameter": (UnknownParameter, "toy.slop", "toy.intercept,toy.slop\n0,0.5\n"),
    "an unknown parameter besides": (
        UnknownParameter,
        "H_0",
        "toy.intercept,toy.slope,H_0\n0,0.5,70\n",
    ),
    "a parameter too few": (UnknownParameter, "toy.slope", "toy.intercept\n0\n"),
    "a theta outside the support": (
        OutsideSupport,
        "slope = 3.5 is outside its support [-3, 3]; ",
        POINTS + "0,3.5\n",
    ),
    "a theta that is NaN": (NotFinite, "row 1", "toy.intercept,toy.slope\nnan,0.5\n"),
    "a theta in another unit": (UnknownUnit, "Mpc", "toy.intercept [Mpc],toy.slope\n0,0.5\n"),
    "no theta at all": (EmptyTable, "no rows", "toy.intercept,toy.slope\n"),
}
PAIR = "t,y,y_err\n0.1,0.5,0.2\n-0.3,0.2,0.1\n"
MASERS = "D,v,v_err,D_err_minus,D_err_plus\n126,9000,50,8,8\n88,7000,50,8,8\n"
PAIRS = {
    "tables of other lengths": (BadTable, "2, 1 rows", "toy", "t,y,y_err\n0.1,0.5,0.2\n", None),
    "a theta too few": (BadTable, "2, 2, 1 rows", "toy", PAIR, POINTS),
    "a missing column": (MissingColumn, "y_err", "toy", "t,y\n0.1,0.5\n-0.3,0.2\n", None),
    "too few pairs": (
        TooFewSimulations,
        "2 pairs cannot tell, expected at least 100",
        "toy",
        PAIR,
        None,
    ),
    "a theta outside the support": (OutsideSupport, "toy.slope = 9", "toy", PAIR, POINTS + "0,9\n"),
    "an unknown modality": (UnknownModality, "tony", "tony", PAIR, None),
    "a modality without a champion": (NoChampion, "masers", "masers", MASERS, None),
}


@pytest.mark.parametrize("mistake", TABLES)
def test_a_bad_table_changes_nothing(refuses, file, mistake):
    error, said, text = TABLES[mistake]
    refuses(error, said, "ingest", "toy", file(text), "--set", "mine")


@pytest.mark.parametrize("mistake", THETAS)
def test_bad_points_change_nothing(refuses, file, mistake):
    error, said, text = THETAS[mistake]
    refuses(error, said, "logl", "toy", "--set", "line", "--theta", file(text))


@pytest.mark.slow
def test_from_a_shell_a_mistake_has_status_2_and_no_traceback(project, file):
    before = tree(project)
    command = [
        Path(sys.executable).with_name("addend"),
        "ingest",
        "toy",
        file(TABLES["a NaN"][2]),
        "--set",
        "mine",
    ]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    print(done.stderr)
    assert (
        done.returncode == 2
        and done.stdout == ""
        and done.stderr.startswith("addend: ")
        and done.stderr.count("\n") == 1
    )
    assert tree(project) == before


@pytest.mark.parametrize("mistake", PAIRS)
def test_bad_pairs_change_nothing(refuses, file, mistake):
    error, said, name, table, theta = PAIRS[mistake]
    points = [] if theta is None else ["--theta", file(theta, "theta.csv")]
    refuses(
        error,
        said,
        "independence",
        "toy",
        file(PAIR, "left.csv"),
        name,
        file(table, "right.csv"),
        *points,
    )


def test_a_set_that_ships_is_never_replaced(refuses, file):
    refuses(SetExists, "ships", "ingest", "toy", file(GOOD), "--set", "line")
    refuses(SetExists, "ships", "ingest", "toy", file(GOOD), "--set", "line", "--append")


def test_mock_and_real_are_never_mixed(refuses, file, project):
    ingest.mock("toy", "drawn", "line", {"toy.intercept": 0.0, "toy.slope": 0.5}, seed=1)
    ingest.ingest("toy", file(GOOD), "measured")
    truth = ("--truth", "toy.intercept=0", "--truth", "toy.slope=0.5")
    refuses(SetExists, "mock", "ingest", "toy", file(GOOD), "--set", "drawn")
    refuses(SetExists, "mock", "ingest", "toy", file(GOOD), "--set", "drawn", "--append")
    refuses(
        SetExists,
        "2 real",
        "ingest",
        "toy",
        "--mock",
        "--set",
        "measured",
        "--like",
        "line",
        *truth,
    )
    refuses(BadSetting, "mock data", "gather", "mixed")


def test_a_bad_truth_is_refused(refuses):
    def mock(error, said, *truth):
        refuses(
            error,
            said,
            "ingest",
            "toy",
            "--mock",
            "--set",
            "m",
            "--like",
            "line",
            *(f"--truth={t}" for t in truth),
        )

    mock(BadSetting, "lacks 'toy.slope'", "toy.intercept=0")
    mock(UnknownParameter, "toy.slop", "toy.intercept=0", "toy.slope=0", "toy.slop=0")
    mock(OutsideSupport, "toy.slope", "toy.intercept=0", "toy.slope=3.5")
    mock(BadSetting, "does not state a truth", "toy.intercept")
