"""A stage does not outlive the flow that asked for it: flow, DVC, a shell, the stage."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy_dag import environment, run

STAGE = """
import os, time
from addend.running import die_with_dvc

die_with_dvc()
with open("stage.tmp", "w") as file:
    file.write(f"{os.getpid()} {os.getppid()}")
os.replace("stage.tmp", "stage")
time.sleep(300)
"""
FLOW = "from flows.children import repro; repro('dvc.yaml:long', print)"
COMMANDS = ("python long.py", "cd . && python long.py && true")


def gone(process: int) -> bool:
    """Whether it is no more; one that nobody has waited for yet is no more."""
    stat = Path(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "ZX"


def within(seconds: float, holds) -> bool:
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=["below DVC", "below a shell below DVC"])
def test_a_stage_ends_with_the_flow_that_was_killed(tmp_path, command):
    run(tmp_path, sys.executable, "-m", "dvc", "init", "-q", "--no-scm")
    (tmp_path / "long.py").write_text(STAGE)
    (tmp_path / "dvc.yaml").write_text(f"stages:\n  long:\n    cmd: {command}\n")
    with subprocess.Popen(
        [sys.executable, "-c", FLOW], cwd=tmp_path, env=environment(PWD=str(tmp_path)),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as flow:  # fmt: skip
        try:
            assert within(120, (tmp_path / "stage").exists)
            stage, parent = map(int, (tmp_path / "stage").read_text().split())
            assert not gone(stage) and not gone(parent)
        finally:
            os.kill(flow.pid, signal.SIGKILL)
    assert within(5, lambda: gone(stage)), "the stage goes on"
    assert within(5, lambda: gone(parent)), "what started it goes on"
