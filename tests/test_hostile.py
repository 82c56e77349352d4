"""No file of an artifact can do anything but be numbers: each attempt is refused by name, and nothing acts."""

import json
import os
import shutil
import subprocess
import sys

import hostile_files
import hostile_programs
import pytest
from hostile import KEPT, MADE

from addend.encoder import Encoder

assert hostile_files and hostile_programs, "they fill MADE"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """By attempt: the named error, and what acted while the encoder was used."""
    root = tmp_path_factory.mktemp("hostile")
    numbered = dict(enumerate(MADE))
    for i, name in numbered.items():
        MADE[name](shutil.copytree(KEPT, root / "encoders" / f"{i:03}"))
    here = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, os.path.join(os.path.dirname(__file__), "hostile.py"), str(root / "encoders")],
        env=os.environ | here, cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: found[f"{i:03}"] for i, name in numbered.items()}


@pytest.mark.parametrize("attempt", MADE)
def test_a_hostile_artifact_is_refused_by_name_and_nothing_acts(outcomes, attempt):
    said, acted = outcomes[attempt]
    assert said in {
        "TamperedArtifact", "UnknownFormat", "UnfitManifest", "UnfitProgram", "UnfitHead", "PsiChanged",
    }  # fmt: skip
    assert acted == []


def test_the_attempts_are_made_of_an_encoder_that_is_used():
    assert Encoder.load(KEPT).name == "toy"
