"""A training of f_m that is killed again and again ends with the bits of one that was left alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import learning
import pytest
from safetensors import safe_open

from addend.artifact import file_digest
from addend.errors import OtherCheckpoint
from addend.stages import pretrain, simulate

TESTS = Path(__file__).parent


@pytest.fixture
def root(tmp_path, monkeypatch, one_thread):
    """A project of maps with its simulations."""
    return learning.project(tmp_path, monkeypatch)


def _digests(root: Path) -> dict[str, str]:
    folder = root / "data" / "encoders" / "toy" / "backbone"
    return {p.name: file_digest(p) for p in sorted(folder.iterdir())}


def _start(root: Path) -> subprocess.Popen:
    paths = os.pathsep.join([str(TESTS), *sys.path])
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, str(TESTS / "learning.py"), str(root)],
        env=environment,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.slow
def test_a_training_that_is_killed_three_times_ends_with_the_bits_of_one_that_was_not(root):
    """Twice by SIGKILL and once by SIGTERM, each some steps on; the number of steps is chance, the bits are not."""
    pretrain.pretrain("toy")
    alone = _digests(root)
    checkpoint = root / "data" / "encoders" / "toy" / "pretraining.safetensors"
    assert not checkpoint.exists()
    (root / "data" / "encoders" / "toy" / "backbone").rename(root / "alone")
    reached = 0
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        child, before = _start(root), reached
        while child.poll() is None and reached < before + 8:
            time.sleep(0.02)
            reached = _step(checkpoint)
        assert child.poll() is None, "it was done before it was killed"
        child.send_signal(number)
        assert child.wait(timeout=60) in (-number, 128 + number)
        assert before < reached < 60
    assert _start(root).wait(timeout=200) == 0
    assert _digests(root) == alone and not checkpoint.exists()


def _step(checkpoint: Path) -> int:
    if not checkpoint.exists():
        return 0
    with safe_open(checkpoint, "pt") as file:
        return json.loads(file.metadata()["state"])["step"]


@pytest.mark.slow
def test_what_another_training_left_is_removed_and_that_is_said(root):
    """Simulations of seed 1, interrupted; then those of seed 2, whose f_m is that of one that was left alone."""
    checkpoint = root / "data" / "encoders" / "toy" / "pretraining.safetensors"
    child = _start(root)
    while child.poll() is None and _step(checkpoint) < 5:
        time.sleep(0.02)
    child.kill()
    child.wait()
    settings = learning.SETTINGS | {"simulate": learning.SETTINGS["simulate"] | {"seed": 2}}
    (root / "modalities" / "toy" / "params.yaml").write_text(json.dumps(settings))
    simulate.simulate("toy")
    with pytest.warns(OtherCheckpoint, match="other simulations or settings"):
        pretrain.pretrain("toy")
    found = _digests(root)
    pretrain.pretrain("toy")
    assert _digests(root) == found and not checkpoint.exists()
