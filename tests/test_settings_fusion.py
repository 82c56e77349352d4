"""The root params.yaml is judged as a whole before a fusion of it is touched, by every verb and by the flow."""

import sys
from pathlib import Path

import pytest
import toy_dag
import yaml
from refusals import changed, tree

from addend import places, settings
from addend.calibration import local
from addend.errors import BadSetting, NoObservations, UnknownModality, UnknownParameter
from addend.judged import require_usable
from addend.settings import CorrectionSettings, FusionCalibration, FusionSettings, TermSettings
from addend.settings.of_fusion import LEAST

HERE = Path(__file__).resolve().parent.parent
TERMS = {"toy": {"set": "line"}}
LONG = "x" * 5000
FUSIONS = {
    "nothing": ("is None", None),
    "no modalities": ("lacks 'modalities'", {"seed": 1}),
    "modalities that are a list": ("'modalities' of fusion", {"modalities": ["toy"]}),
    "modalities that are none": ("'modalities' of fusion", {"modalities": {}}),
    "a modality without anything": ("'toy' in 'modalities' of", {"modalities": {"toy": None}}),
    "a modality without a set": ("lacks 'set'", {"modalities": {"toy": {"optional": True}}}),
    "a modality that is a path": ("'../toy'", {"modalities": {"../toy": {"set": "line"}}}),
    "a set that is a number": ("in quotes", {"modalities": {"toy": {"set": 2015}}}),
    "a set that is a path": ("is '..'", {"modalities": {"toy": {"set": ".."}}}),
    "a set of 5000 letters": ("at most 100 letters", {"modalities": {"toy": {"set": LONG}}}),
    "an option that is no flag": (
        "true or false",
        {"modalities": {"toy": {"set": "line", "optional": "maybe"}}},
    ),
    "an unknown key of a modality": (
        "the key 'sett', expected set, drawn, optional; write 'set'",
        {"modalities": {"toy": {"set": "line", "sett": "line"}}},
    ),
    "an unknown key": ("write 'truth'", {"modalities": TERMS, "truht": {"toy.slope": 0.5}}),
    "a key like no other": ("correct the name, or remove", {"modalities": TERMS, "zzz": 1}),
    "a truth without a seed": ("lacks 'seed'", {"modalities": TERMS, "truth": {"toy.slope": 0.5}}),
    "a truth that is text": (
        "'truth' of fusion",
        {"modalities": TERMS, "truth": {"toy.slope": "steep"}, "seed": 1},
    ),
    "a truth that is a flag": (
        "a finite number",
        {"modalities": TERMS, "truth": {"toy.slope": True}, "seed": 1},
    ),
    "a truth that is NaN": (
        "no finite number",
        {"modalities": TERMS, "truth": {"toy.slope": float("nan")}, "seed": 1},
    ),
    "a truth beyond 64 bits": (
        "beyond what a number of 64 bits",
        {"modalities": TERMS, "truth": {"toy.slope": 10**400}, "seed": 1},
    ),
    "a seed below zero": ("from 0 up", {"modalities": TERMS, "seed": -1}),
    "a seed that is a fraction": ("from 0 up", {"modalities": TERMS, "seed": 0.5}),
    "a seed that is a flag": ("from 0 up", {"modalities": TERMS, "seed": True}),
    "repetitions without names": ("teach, audit, seed", {"modalities": TERMS, "calibrate": 500}),
    "no repetitions": ("from 1 up", {"modalities": TERMS, "calibrate": {"teach": 0}}),
    "repetitions misspelt": ("write 'teach'", {"modalities": TERMS, "calibrate": {"taech": 9}}),
    "a correction of no known name": (
        "is 'global', expected",
        {"modalities": TERMS, "correction": "global"},
    ),
    "a correction misspelt": (
        "write 'centring'",
        {"modalities": TERMS, "correction": {"centering": True}},
    ),
    "too few simulations": ("from 5 up", {"modalities": TERMS, "correction": {"local": 4}}),
    "weights of no known name": (
        "expected godambe",
        {"modalities": TERMS, "correction": {"weights": "equal"}},
    ),
    "trust that is not allowed": (
        "expected allow",
        {"modalities": TERMS, "beyond_trust": "forbid"},
    ),
}
FILES = {
    "nothing": "",
    "a list": "[fusions]",
    "a section of nothing": "fusions:",
    "a section that is a list": "fusions: [real]",
    "an open bracket": "fusions: {real",
    "another section": "fusions: {}\nfusoins: {}",
    "a date for a fusion": "fusions: {real: 2020-02-31}",
    "a flag for a name": "fusions: {true: {modalities: {toy: {set: line}}}}",
    "a flag for a modality": "fusions: {real: {modalities: {true: {set: line}}}}",
    "a fusion that is a path": "fusions: {'..': {modalities: {toy: {set: line}}}}",
    "a fusion that is a path further up": "fusions: {../../x: {modalities: {toy: {set: line}}}}",
    "a modality twice": "fusions: {real: {modalities: {toy: {set: line}, toy: {set: other}}}}",
    "an octal seed": "fusions: {real: {modalities: {toy: {set: line}}, seed: 010}}",
    "a truth in base 60": "fusions: {real: {modalities: {toy: {set: line}}, truth: {a: 1:10}}}",
    "no bottom": "fusions: " + "[" * 3000,
}
MISSPELT = {
    "a modality": (
        UnknownModality,
        {"modalities": {"chronometres": {"set": "moresco2020"}}},
        "fusion 'bad' of params.yaml names the modality 'chronometres', found bao, chronometers,",
        "write 'chronometers'",
    ),
    "a set in shards": (
        NoObservations,
        {"modalities": {"toy": {"set": "lime"}}},
        "names the set 'lime' of 'toy', found ",
        "write 'line'",
    ),
    "a set that a package ships": (
        NoObservations,
        {"modalities": {"bao": {"set": "desi_dr3"}}},
        "names the set 'desi_dr3' of 'bao', found desi_dr2",
        "write 'desi_dr2'",
    ),
    "a set like no other": (
        NoObservations,
        {"modalities": {"toy": {"set": "mine"}}},
        "names the set 'mine' of 'toy'",
        "bring it with 'addend ingest toy <table.csv> --set mine'",
    ),
}


def stated(fusion: object) -> bytes:
    return yaml.safe_dump(
        {"fusions": {"good": {"modalities": TERMS}, "bad": fusion}}, sort_keys=False
    ).encode()


@pytest.mark.parametrize("mistake", FUSIONS)
def test_a_fusion_that_cannot_be_used_is_refused_by_name(refuses, project, mistake):
    said, fusion = FUSIONS[mistake]
    with changed(project / "params.yaml", stated(fusion)):
        for command in (("gather", "bad"), ("resolve", "good"), ("fusions",)):
            refuses(BadSetting, said, *command)
            refuses(BadSetting, "params.yaml", *command)


@pytest.mark.parametrize("mistake", FILES)
def test_a_file_that_cannot_be_used_is_refused(refuses, project, mistake):
    with changed(project / "params.yaml", FILES[mistake].encode()):
        for command in (
            ("gather", "real"),
            ("resolve", "real"),
            ("evaluate", "real"),
            ("fusions",),
        ):
            refuses(BadSetting, "params.yaml", *command)
        refuses(BadSetting, "cannot name a folder", "gather", "..")


@pytest.mark.parametrize("mistake", MISSPELT)
def test_a_misspelt_name_is_answered_with_what_there_is(refuses, project, mistake):
    error, fusion, said, remedy = MISSPELT[mistake]
    with changed(project / "params.yaml", stated(fusion)):
        refuses(error, said, "gather", "bad")
        refuses(error, remedy, "gather", "bad")
        with pytest.raises(error, match=said):
            require_usable(project)
        if error is UnknownModality:
            refuses(error, said, "resolve", "bad")


def test_a_term_that_may_be_dropped_may_be_unknown(project):
    absent = {"supernovae": {"set": "des", "optional": True}}
    with changed(project / "params.yaml", stated({"modalities": TERMS | absent})):
        require_usable(project)


def test_a_truth_of_no_parameter_is_refused_before_anything_runs(project):
    bad = {"modalities": TERMS, "truth": {"toy.slop": 0.5}, "seed": 1}
    with (
        changed(project / "params.yaml", stated(bad)),
        pytest.raises(UnknownParameter, match=r"toy\.slop"),
    ):
        require_usable(project)


@pytest.mark.parametrize("fusion", ["no modalities", "a set that is a path"])
def test_the_flow_refuses_with_status_2_before_any_stage_runs(project, fusion):
    with changed(project / "params.yaml", stated(FUSIONS[fusion][1])):
        before = tree(project)
        done = toy_dag.run(project, sys.executable, "-m", "flows", check=False)
        assert tree(project) == before
    print(done.stderr)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("addend: ") and done.stderr.count("\n") == 1


def test_no_name_leads_out_of_its_folder():
    for name in ("..", "../x", "", ".hidden", "a/b", "a\n", "x" * 101):
        for place in (places.pin, places.report):
            with pytest.raises(BadSetting, match="cannot name a folder"):
                place(name)
        for place in (places.fusion, places.encoder, places.pool):
            with pytest.raises(BadSetting, match="cannot name a folder"):
                place(name, "terms")
        with pytest.raises(BadSetting, match="cannot name a folder"):
            places.observations("toy", name)


def test_what_a_fusion_leaves_out_has_its_default():
    found = FusionSettings.from_dict("f", {"modalities": TERMS})
    assert found == FusionSettings("f", {"toy": TermSettings("line")})
    assert (found.truth, found.seed, found.beyond_trust) == (None, 0, False)
    assert found.calibrate == FusionCalibration(3000, 500, 1)
    assert found.correction == CorrectionSettings(None, False, None)
    empty = {"modalities": TERMS, "calibrate": None, "correction": None}
    assert FusionSettings.from_dict("f", empty) == found


def test_the_word_local_stands_for_what_local_calibration_takes():
    asked = {"modalities": TERMS, "correction": "local", "beyond_trust": "allow"}
    found = FusionSettings.from_dict("f", asked)
    assert found.correction == CorrectionSettings(local=local.DEFAULT) and found.beyond_trust
    assert LEAST == local.LEAST


def test_the_shipped_fusions_are_recorded_as_the_file_says_them():
    files = (HERE / "params.yaml", HERE / "fusions" / "sky" / "params.yaml")
    real, sky = (yaml.safe_load(file.read_text())["fusions"] for file in files)
    stated, found = real | sky, settings.fusions(HERE)
    assert {name: fusion.as_dict() for name, fusion in found.items()} == stated
    assert found["closure"].truth["H0"] == 70.0 and found["closure"].seed == 1
