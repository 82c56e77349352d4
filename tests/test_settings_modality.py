"""A modality's params.yaml and the parameters.yaml are judged as a whole, before any stage spends time."""

import copy
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from refusals import changed

from addend.backbones import BACKBONES
from addend.calibration.gate import CHECKS
from addend.errors import BadSetting
from addend.heads import HEADS
from addend.judged import require_usable
from addend.parameters import read_agreement
from addend.pretrain import LEARNED
from addend.settings import Thresholds, modality, of_modality

HERE = Path(__file__).resolve().parent.parent
SHIPPED = yaml.safe_load((HERE / "modalities" / "toy" / "params.yaml").read_text())
MISTAKES = {
    "a pool that is not stated": ("simulate", "calibrate", None, "lacks 'calibrate'"),
    "a seed that is not stated": ("simulate", "seed", None, "lacks 'seed'"),
    "a seed of nothing": ("simulate", "seed", "null", "from 0 up"),
    "a pool of none": ("simulate", "audit", "0", "a whole number from 1 up"),
    "a pool that is a flag": ("simulate", "train", "true", "a whole number from 1 up"),
    "a pool that is a fraction": ("simulate", "train", "1e6", "a whole number from 1 up"),
    "a pool beyond any machine": ("simulate", "train", "99999999999999999999", "a whole number"),
    "an octal seed": ("simulate", "seed", "010", "octal"),
    "an objective nobody wrote": ("pretrain", "objective", "contrastive", "expected standardise"),
    "a head nobody wrote": ("finetune", "head", "flwo", "is 'flwo', expected flow"),
    "a rate that is not stated": ("finetune", "rate", None, "lacks 'rate'"),
    "a rate that is no list": ("finetune", "rate", "0.01", "a list of numbers above zero"),
    "a rate that is text": ("finetune", "rate", "[fast, 0.1, 0.1]", "a list of numbers"),
    "a rate below zero": ("finetune", "rate", "[-1e-2, 0.1, 0.1]", "a list of numbers"),
    "a rate in base 60": ("finetune", "rate", "[1:30, 0.1, 0.1]", "base 60"),
    "a phase too few": ("finetune", "steps", "[100, 20]", "has 2 values, expected 3"),
    "a batch of fractions": ("finetune", "batch", "[0.5, 1, 1]", "a list of whole numbers"),
    "widths that are a number": ("finetune", "hidden", "48", "a list of whole numbers"),
    "no members": ("finetune", "members", "0", "a whole number from 1 up"),
    "members in words": ("finetune", "members", "two", "a whole number from 1 up"),
    "a key misspelt": ("finetune", "componets", "3", "write 'components'"),
    "no data sets": ("calibrate", "datasets", "0", "a whole number from 1 up"),
    "a fraction of cells": ("calibrate", "cells", "2.5", "a whole number from 1 up"),
    "a threshold misspelt": ("register", "trusts", "10", "write 'trust'"),
    "a threshold in words": ("register", "trust", "ten", "a number from 0 up"),
    "a threshold that is a flag": ("register", "trust", "true", "a number from 0 up"),
    "a threshold below zero": ("register", "coverage", "-0.1", "a number from 0 up"),
    "a section misspelt": ("finetunes", "seed", "1", "write 'finetune'"),
}
DECLARED = {
    "a bound that is not stated": ({"low": None}, "lacks 'low'"),
    "a bound in words": ({"low": "few"}, "'low' of parameter 'slope'"),
    "a bound that is a flag": ({"high": "true"}, "a finite number"),
    "a bound that is a date": ({"high": "2020-02-31"}, "is a date"),
    "a key misspelt": ({"latx": "a"}, "write 'latex'"),
    "a definition of nothing": ({"definition": "null"}, "expected text"),
    "a constraint of one number": ({"constraint": "[0.0]"}, "[mean, standard deviation]"),
    "a constraint without width": ({"constraint": "[0.0, 0]"}, "[mean, standard deviation]"),
    "a unit that is a number": ({"unit": "2"}, "a unit"),
}  # fmt: skip


def toy(section: str = "", key: str = "", value: str | None = None) -> bytes:
    """The toy's settings, one value of them replaced as a person would write it, or left out."""
    found = copy.deepcopy(SHIPPED)
    if section:
        found.setdefault(section, {})[key] = "@"
    if section and value is None:
        del found[section][key]
    return yaml.safe_dump(found).replace("'@'", value or "").encode()


def slope(**fields) -> bytes:
    """The toy's parameters, some fields of the slope replaced as a person would write them."""
    found = {
        "slope": {"unit": "1", "definition": "Slope", "low": "-3.0", "high": "3.0", "latex": "a"}
    }
    lines = [
        f"  {k}: {v if k != 'unit' or v != '1' else repr(v)}"
        for k, v in (found["slope"] | fields).items()
        if v
    ]
    return "\n".join(["slope:", *lines]).encode()


@pytest.fixture
def params(project) -> Path:
    return project / "modalities" / "toy" / "params.yaml"


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_any_section_is_refused_by_every_stage(refuses, params, mistake):
    section, key, value, said = MISTAKES[mistake]
    with changed(params, toy(section, key, value)):
        for stage in ("simulate", "pretrain", "finetune", "calibrate", "register"):
            refuses(BadSetting, said, stage, "toy")
        refuses(BadSetting, "modalities/toy/params.yaml", "finetune", "toy")


@pytest.mark.parametrize("stage", ["simulate", "finetune", "calibrate", "register"])
def test_a_section_that_is_not_there_is_missed_by_its_own_stage(refuses, params, stage):
    without = {name: found for name, found in SHIPPED.items() if name != stage}
    with changed(params, yaml.safe_dump(without).encode()):
        refuses(BadSetting, f"has no section '{stage}'", stage, "toy")
        with pytest.raises(BadSetting, match=f"no section '{stage}'"):
            require_usable(params.parents[2])
        for name in without:
            getattr(modality(params.parents[2], "toy"), name)


def test_numbers_that_yaml_reads_as_text_are_read_as_meant(params):
    with changed(params, toy("finetune", "rate", "[1e-2, 3E-3, 1e-4]")):
        assert modality(params.parents[2], "toy").finetune.rate == (0.01, 0.003, 0.0001)
    with changed(params, toy("simulate", "train", "2_000_000")):
        assert modality(params.parents[2], "toy").simulate.train == 2_000_000


def test_no_file_outside_a_modality_is_read_as_its_settings(project):
    for name in ("..", "../..", "../modalities/toy", ""):
        with pytest.raises(BadSetting, match="cannot name a folder"):
            modality(project, name)
    with pytest.raises(BadSetting, match=r"there is no .*tony/params\.yaml"):
        modality(project, "tony")


@pytest.mark.parametrize(
    "name", sorted(p.parent.name for p in HERE.glob("modalities/*/params.yaml"))
)
def test_what_ships_is_read_as_it_stands(name):
    stated = yaml.safe_load((HERE / "modalities" / name / "params.yaml").read_text())
    found = modality(HERE, name)
    found.require_every_section()
    for section, values in stated.items():
        for key, value in values.items():
            read = getattr(getattr(found, section), key)
            assert (list(read) if isinstance(read, tuple) else read) == value


def test_settings_know_the_heads_objectives_and_thresholds_that_there_are():
    assert set(of_modality.OBJECTIVES) == {"standardise", *LEARNED} and set(
        of_modality.PHASES
    ) <= set(HEADS)
    assert set(of_modality.BACKBONES) == set(BACKBONES)
    flow = HEADS["flow"]([{"link": "identity", "error": None, "present": None}], 1, 1, [0])
    assert of_modality.PHASES["flow"] == len(flow.phases())
    assert [f.name for f in fields(Thresholds)] == list(CHECKS)


@pytest.mark.parametrize("mistake", DECLARED)
def test_a_parameter_that_cannot_be_used_is_refused_by_name(refuses, project, mistake):
    given, said = DECLARED[mistake]
    with changed(project / "modalities" / "toy" / "parameters.yaml", slope(**given)):
        refuses(BadSetting, said, "simulate", "toy")
        refuses(BadSetting, "modalities/toy/parameters.yaml", "resolve", "alone")


def test_bounds_in_powers_of_ten_are_numbers(project):
    with changed(
        project / "modalities" / "toy" / "parameters.yaml", slope(low="-1e2", high="2e-1")
    ):
        found = read_agreement(project)["toy.slope"]
    assert (found.low, found.high, found.latex) == (-100.0, 0.2, "a")
