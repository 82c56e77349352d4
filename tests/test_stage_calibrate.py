"""The stage `calibrate` on a toy that trains in seconds: its record is the seed's alone, and the gate reads it."""

import contextlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from addend_toy.line import Toy
from exact_line import Line, encoder

from addend import places
from addend.calibration import Record, judge, trust_size
from addend.calibration.conclusion import centring
from addend.calibration.measure import measure_part
from addend.errors import TooFewSimulations
from addend.registry import Registry
from addend.settings import EncoderCalibration
from addend.stages import calibrate, finetune, pretrain, register, simulate

HERE = Path(__file__).resolve().parent.parent
SETTINGS = {
    "simulate": {"seed": 1, "train": 40_000, "calibrate": 8_000, "audit": 4_000},
    "pretrain": {"objective": "standardise"},
    "finetune": {
        "head": "flow", "hidden": [16, 16], "shape": [8], "components": 2, "seed": 1,
        "steps": [600, 200, 100], "batch": [512, 512, 512], "rate": [0.01, 0.003, 0.0003],
    },
    "calibrate": {"seed": 3, "expected": 2, "cells": 8, "simulations": 800, "datasets": 512, "points": 128},
    "register": {"trust": 10, "normalisation": 0.01, "coverage": 0.05, "curvature": 0.2, "information": 1.0},
}  # fmt: skip


def toy_project(root: Path, trained_on: float = 3.0) -> Path:
    """A root with a toy encoder, trained on intercept and slope within +-`trained_on`, declared for +-3."""
    (root / "modalities" / "toy").mkdir(parents=True)
    shutil.copy(HERE / "parameters.yaml", root)
    declared = yaml.safe_load((HERE / "modalities" / "toy" / "parameters.yaml").read_text())
    narrow = {
        name: {**fields, "low": -trained_on, "high": trained_on}
        for name, fields in declared.items()
    }
    state(root)
    torch.set_num_threads(1)
    with contextlib.chdir(root):
        for stage, support in (
            (simulate.simulate, narrow),
            (pretrain.pretrain, declared),
            (finetune.finetune, declared),
        ):
            (root / "modalities" / "toy" / "parameters.yaml").write_text(yaml.safe_dump(support))
            stage("toy")
    return root


def state(root: Path, **sections) -> None:
    """Write the toy's settings, some sections replaced."""
    path = root / "modalities" / "toy" / "params.yaml"
    path.write_text(yaml.safe_dump(SETTINGS | sections))


def recorded(root: Path) -> Record:
    return Record.from_dict(
        json.loads((root / places.encoder("toy", "record") / "record.json").read_text())
    )


def files(root: Path) -> dict[str, bytes]:
    folder = root / places.encoder("toy", "record")
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory) -> Path:
    root = toy_project(tmp_path_factory.mktemp("calibrated"))
    with contextlib.chdir(root):
        calibrate.calibrate("toy")
    return root


def test_a_learned_encoder_passes_and_its_page_says_so(calibrated):
    record = recorded(calibrated)
    verdict = judge(record, SETTINGS["register"])
    print(f"N* = {trust_size(record.parts['score']).value:.0f}; {verdict.reason}")
    assert verdict.passed
    page = (calibrated / places.encoder("toy", "record") / "index.html").read_text()
    assert (
        "Yes: it passed its thresholds." in page and "outside the simulated support, line" in page
    )


def test_the_record_is_the_same_byte_for_byte_when_made_again(calibrated, monkeypatch):
    before = files(calibrated)
    monkeypatch.chdir(calibrated)
    calibrate.calibrate("toy")
    assert files(calibrated) == before and set(before) >= {
        "record.json",
        "index.html",
        "figures/trust.svg",
    }


def test_it_holds_everything_that_the_gate_and_the_report_know(calibrated):
    record = recorded(calibrated)
    counts = {f"{kind}_{key}" for kind in ("ranks", "coverage", "tarp") for key in "1N"}
    assert set(record.parts) == {"score", "normalisation", "log_score", "outside_line"} | counts
    assert record.expected == 2 and record.lossless and record.support is not None
    assert record.parts["log_score"].n == 4_000
    assert record.parts["coverage_N"].n == 512 and (record.parts["score"].n == 800).all()
    assert float(record.parts["outside_line"].outside) <= 2


@pytest.mark.slow
def test_an_encoder_trained_on_the_wrong_prior_is_refused(tmp_path, monkeypatch):
    """It has seen a sixth of each side of the support it is declared for."""
    monkeypatch.chdir(toy_project(tmp_path, trained_on=0.5))
    calibrate.calibrate("toy")
    verdict = judge(recorded(tmp_path), SETTINGS["register"])
    print(verdict.reason)
    assert {"trust"} <= {c.name for c in verdict.checks if not c.passed}
    assert "is needed: 10 times the 2 observations it is meant for" in verdict.reason
    assert (
        "No: it was refused."
        in (tmp_path / places.encoder("toy", "record") / "index.html").read_text()
    )


@pytest.mark.slow
def test_a_candidate_that_says_less_than_the_champion_is_refused_and_the_champion_stays(
    calibrated, tmp_path, monkeypatch
):
    """The same network after a twentieth of the training, held to its held-out log score alone."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(shutil.copytree(calibrated, tmp_path / "again"))
    hasty = {**SETTINGS["finetune"], "steps": [40, 5, 5]}
    state(tmp_path / "again", register={})
    register.register("toy")
    state(tmp_path / "again", finetune=hasty, register={})
    for stage in (finetune.finetune, calibrate.calibrate, register.register):
        stage("toy")
    registry, said = Registry(), json.loads(places.pin("toy").read_text())
    print(said["reason"])
    assert (
        not said["promoted"]
        and "held-out log score is worse than that of version 1" in said["reason"]
    )
    assert registry.champion("toy").version == 1 and registry.candidate("toy").version == 2


def test_centring_is_recorded_where_it_helps_and_nowhere_else(calibrated, monkeypatch):
    """A tilt is a gradient, so it is centred away; an exact encoder has nothing to centre, in 5 % of cases it seems to."""
    amount = EncoderCalibration(**SETTINGS["calibrate"])
    found = {}
    for tilt in (0.0, 1.0):
        line = encoder(Line(tilt=tilt))
        found[tilt] = centring([measure_part(line, Toy(), amount, part) for part in range(4)], line)
    assert found[0.0] is None
    assert found[1.0].gradient(np.zeros(2)) == pytest.approx([1.0, 0.0], abs=0.5)


def test_too_few_simulations_leave_the_old_record_in_place(calibrated, tmp_path, monkeypatch):
    root = shutil.copytree(calibrated, tmp_path / "few")
    monkeypatch.chdir(root)
    state(root, calibrate={**SETTINGS["calibrate"], "simulations": 8})
    before = files(root)
    with pytest.raises(TooFewSimulations):
        calibrate.calibrate("toy")
    assert files(root) == before
