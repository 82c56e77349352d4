"""The tutorials run, block by block, and print what they show."""

import os
import shutil
import sys
from pathlib import Path

import pytest
import torch
from fenced import require_same, run

ROOT = Path(__file__).resolve().parent.parent
TUTORIALS = ROOT / "docs" / "tutorials"
SITE, SOURCE = "site", "modalities/clicks/src"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """What a checkout has of this tutorial's concern: the agreement, and the toy to copy from."""
    shutil.copy(ROOT / "parameters.yaml", tmp_path)
    shutil.copytree(ROOT / "modalities" / "toy", tmp_path / "modalities" / "toy")
    for place in (SITE, SOURCE):
        monkeypatch.syspath_prepend(tmp_path / place)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    torch.set_num_threads(1)
    return tmp_path


def environment(project: Path) -> dict[str, str]:
    """A shell's, in which `pip install` fills a folder of the project and nothing else."""
    path = [project / SITE, project / SOURCE, *filter(None, sys.path)]
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PIP_TARGET": str(project / SITE),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "OMP_NUM_THREADS": "1",
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(p.name for p in TUTORIALS.glob("*.md")))
def test_a_tutorial_prints_what_it_shows(name, project):
    run(TUTORIALS / name, project, environment(project))


@pytest.mark.parametrize(
    ("shown", "printed", "tolerance"),
    [
        ("H0 = 71.8", "H0 = 71.6", ""),
        ("12 rows", "13 rows", ""),
        ("a 1.0", "b 1.0", ""),
        ("1.00", "1.06", "within 5 %"),
    ],
)
def test_a_number_or_a_word_that_differs_is_seen(shown, printed, tolerance):
    with pytest.raises(AssertionError):
        require_same(shown, printed, tolerance, "here")


@pytest.mark.parametrize(
    ("shown", "printed", "tolerance"),
    [
        ("H0 = 71.8", "H0 = 71.9", ""),
        ("first\n...\nlast 2", "first\nsecond\nlast 2", ""),
        ("1.00", "1.04", "within 5 %"),
    ],
)
def test_the_last_digit_and_what_is_left_out_may_differ(shown, printed, tolerance):
    require_same(shown, printed, tolerance, "here")
