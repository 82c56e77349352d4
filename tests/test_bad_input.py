"""Each mistake is one sentence with its remedy, status 2, no traceback, and every store stays as it was, byte for byte."""

import hashlib
import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import toy_dag
import yaml

from addend import cli, places
from addend.doors import ingest
from addend.errors import (
    BadSetting,
    BadTable,
    DefinitionMismatch,
    EmptyTable,
    MissingColumn,
    NegativeError,
    NoChampion,
    NoObservations,
    NotFinite,
    OutsideSupport,
    SetExists,
    TamperedArtifact,
    TooFewSimulations,
    UnknownModality,
    UnknownParameter,
    UnknownUnit,
)
from addend.fusion import terms as terms_of
from addend.registry import Registry
from addend.stages import evaluate, gather, resolve

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
TERMS = {"toy": {"set": "line"}}
FUSIONS = {
    "nothing": ("is None", None),
    "no modalities": ("has no 'modalities'", {"seed": 1}),
    "modalities that are a list": ("'modalities' of fusion", {"modalities": ["toy"]}),
    "modalities that are none": ("'modalities' of fusion", {"modalities": {}}),
    "a modality without anything": ("modality 'toy' of fusion", {"modalities": {"toy": None}}),
    "a modality without a set": ("has no 'set'", {"modalities": {"toy": {"optional": True}}}),
    "a set that is a number": ("in quotes", {"modalities": {"toy": {"set": 2015}}}),
    "an option that is no flag": (
        "true or false",
        {"modalities": {"toy": {"set": "line", "optional": "maybe"}}},
    ),
    "an unknown key of a modality": (
        "the key 'sett'",
        {"modalities": {"toy": {"set": "line", "sett": "line"}}},
    ),
    "an unknown key": ("the key 'truht'", {"modalities": TERMS, "truht": {"toy.slope": 0.5}}),
    "a truth without a seed": (
        "has no 'seed'",
        {"modalities": TERMS, "truth": {"toy.intercept": 0, "toy.slope": 0.5}},
    ),
    "a truth that is text": (
        "'truth' of fusion",
        {"modalities": TERMS, "truth": {"toy.slope": "steep"}, "seed": 1},
    ),
    "a truth that is NaN": (
        "a finite number",
        {"modalities": TERMS, "truth": {"toy.slope": float("nan")}, "seed": 1},
    ),
    "a seed below zero": ("from 0 up", {"modalities": TERMS, "seed": -1}),
    "a seed that is a fraction": ("from 0 up", {"modalities": TERMS, "seed": 0.5}),
    "repetitions without names": ("numbers by name", {"modalities": TERMS, "calibrate": 500}),
    "a correction of no known name": (
        "is 'global', expected",
        {"modalities": TERMS, "correction": "global"},
    ),
    "a correction misspelt": (
        "the key 'centering'",
        {"modalities": TERMS, "correction": {"centering": True}},
    ),
    "weights of no known name": (
        "expected godambe",
        {"modalities": TERMS, "correction": {"weights": "equal"}},
    ),
}


def tree(root: Path) -> dict[str, str]:
    """sha256 of every file, by its path."""
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(root.rglob("*"))
        if p.is_file()
    }


@pytest.fixture
def refuses(project, monkeypatch, capsys):
    """Run a command that must be refused."""

    def run(error: type[Exception], said: str, *command: str) -> None:
        before = tree(project)
        monkeypatch.setattr(sys, "argv", ["addend", *map(str, command)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, sentence = capsys.readouterr()
        assert left.value.code == 2 and type(left.value.__context__) is error
        assert (
            out == ""
            and sentence.startswith("addend: ")
            and sentence.endswith(".\n")
            and sentence.count("\n") == 1
        )
        assert said in sentence and "; " in sentence
        assert tree(project) == before

    return run


@pytest.fixture
def file(tmp_path):
    def write(text: str, name: str = "given.csv") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@contextmanager
def changed(path: Path, new: bytes):
    """A file with another content for a while."""
    old = path.read_bytes()
    path.write_bytes(new)
    try:
        yield
    finally:
        path.write_bytes(old)


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


@pytest.mark.parametrize("mistake", FUSIONS)
def test_a_fusion_that_cannot_be_used_is_refused_by_name(refuses, project, mistake):
    said, fusion = FUSIONS[mistake]
    with changed(
        project / "params.yaml",
        yaml.safe_dump({"fusions": {"good": {"modalities": TERMS}, "bad": fusion}}).encode(),
    ):
        for command in (("gather", "bad"), ("resolve", "bad"), ("fusions",)):
            refuses(BadSetting, said, *command)
            refuses(BadSetting, "fusion 'bad' of params.yaml", *command)


@pytest.mark.parametrize(
    ("section", "key"), [("simulate", "calibrate"), ("simulate", "seed"), ("finetune", "rate")]
)
def test_a_setting_that_a_modality_does_not_state_is_asked_for_by_name(
    refuses, project, section, key
):
    path = project / "modalities" / "toy" / "params.yaml"
    found = yaml.safe_load(path.read_text())
    del found[section][key]
    with changed(path, yaml.safe_dump(found).encode()):
        refuses(
            BadSetting,
            f"section '{section}' of modalities/toy/params.yaml lacks '{key}'",
            section,
            "toy",
        )


@pytest.mark.parametrize(
    "content", ["", "[fusions]", "fusions:", "fusions: [real]", "fusions: {real"]
)
def test_a_file_that_states_no_fusions_is_refused(refuses, project, content):
    with changed(project / "params.yaml", content.encode()):
        refuses(BadSetting, "params.yaml", "resolve", "real")
        refuses(BadSetting, "params.yaml", "fusions")


def test_the_flow_refuses_a_bad_fusion_with_status_2_before_any_stage_runs(project):
    with changed(
        project / "params.yaml",
        yaml.safe_dump({"fusions": {"bad": FUSIONS["no modalities"][1]}}).encode(),
    ):
        before = tree(project)
        done = toy_dag.run(project, sys.executable, "-m", "flows", check=False)
        assert tree(project) == before
    print(done.stderr)
    assert (
        done.returncode == 2
        and done.stdout == ""
        and done.stderr.startswith("addend: ")
        and done.stderr.count("\n") == 1
    )


@pytest.mark.parametrize("name", ["head.safetensors", "backbone.pt2", "manifest.json"])
def test_a_tampered_encoder_is_never_used(refuses, file, project, name):
    encoder = Registry(root=project).fetch(Registry(root=project).champion("toy"))
    content = bytearray((encoder / name).read_bytes())
    content[len(content) // 2] ^= 1
    with changed(encoder / name, bytes(content)):
        refuses(
            TamperedArtifact, "encoder", "logl", "toy", "--set", "line", "--theta", file(POINTS)
        )
        refuses(TamperedArtifact, "encoder", "resolve", "alone")


def test_a_tampered_shard_is_never_used(refuses, file, project):
    chunk = next(places.observations("toy", "line").glob("*.zarr/y/c/*"))
    with changed(chunk, chunk.read_bytes()[:-1] + b"\0"):
        refuses(
            TamperedArtifact, "damaged", "logl", "toy", "--set", "line", "--theta", file(POINTS)
        )
        refuses(TamperedArtifact, "damaged", "gather", "alone")


def test_a_parameter_that_means_something_else_is_refused(refuses, file, project):
    agreement = project / "modalities" / "toy" / "parameters.yaml"
    with changed(
        agreement, agreement.read_bytes().replace(b"definition: ", b"definition: not ", 1)
    ):
        refuses(
            DefinitionMismatch,
            "toy.intercept",
            "logl",
            "toy",
            "--set",
            "line",
            "--theta",
            file(POINTS),
        )
        refuses(DefinitionMismatch, "toy.intercept", "resolve", "alone")


def test_a_modality_without_a_champion_is_refused(refuses, file):
    refuses(
        NoChampion,
        "masers",
        "logl",
        "masers",
        "--set",
        "pesce2020",
        "--theta",
        file("H0,Om\n70,0.3\n"),
    )
    refuses(NoChampion, "optional: true", "resolve", "needs_champion")


PINS = {
    "a registry that was lost": (
        True,
        "every threshold is met",
        "'dvc repro -f -s modalities/masers/dvc.yaml:register'",
    ),
    "a refusal": (False, "its f_m keeps too little", "was refused (its f_m keeps too little)"),
}


@pytest.mark.parametrize("case", PINS)
def test_a_missing_champion_comes_with_the_remedy_that_fits(refuses, file, project, case):
    promoted, reason, said = PINS[case]
    pin = places.pin("masers")
    pin.parent.mkdir(exist_ok=True)
    pin.write_text(
        json.dumps({"modality": "masers", "digest": "0", "promoted": promoted, "reason": reason})
    )
    try:
        refuses(
            NoChampion,
            said,
            "logl",
            "masers",
            "--set",
            "pesce2020",
            "--theta",
            file("H0,Om\n70,0.3\n"),
        )
        refuses(NoChampion, said, "resolve", "needs_champion")
    finally:
        pin.unlink()


def test_observations_that_are_not_there_are_refused(refuses, file):
    refuses(NoObservations, "absent", "logl", "toy", "--set", "absent", "--theta", file(POINTS))
    refuses(NoObservations, "absent", "gather", "needs_observations")
    refuses(NoObservations, "absent", "ingest", "toy", file(GOOD), "--set", "absent", "--append")


def test_names_that_nobody_gave_are_refused(refuses, file):
    refuses(UnknownModality, "tony", "ingest", "tony", file(GOOD), "--set", "mine")
    refuses(BadSetting, "no fusion 'reel'", "resolve", "reel")
    refuses(BadSetting, "cannot name a folder", "ingest", "toy", file(GOOD), "--set", "../mine")
    refuses(BadSetting, "cannot be opened", "ingest", "toy", "no-such.csv", "--set", "mine")
    given = ("logl", "toy", "--set", "line", "--theta", file(POINTS))
    refuses(BadSetting, "cannot be written", *given, "--out", "no/such/folder.csv")


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


def test_a_term_that_may_be_dropped_is_dropped_by_name(project):
    """No champion for the masers, no observations of BAO: S is the toy's term alone."""
    for stage in (gather.gather, resolve.resolve, evaluate.evaluate):
        stage("lenient")
    facts = json.loads((places.fusion("lenient", "terms") / terms_of.TERMS).read_text())
    dropped = {name: fact["dropped"] for name, fact in facts.items()}
    print(dropped)
    assert dropped["toy"] is None and "no promoted encoder" in dropped["masers"] and dropped["bao"]
    assert facts["masers"]["n"] == facts["bao"]["n"] == 0 and facts["toy"]["n"] == 20
    terms = terms_of.read_terms("lenient")
    assert terms.used == ["toy"] and terms.scalar.space.names == ("toy.intercept", "toy.slope")


def test_a_champion_without_observations_is_dropped_and_an_empty_sum_refused(project):
    for stage in (gather.gather, resolve.resolve, evaluate.evaluate):
        stage("half")
    facts = json.loads((places.fusion("half", "terms") / terms_of.TERMS).read_text())
    assert "'absent' has no observations" in facts["toy"]["dropped"]
    with pytest.raises(NoObservations, match="every modality of fusion 'half' is dropped"):
        terms_of.read_terms("half")
