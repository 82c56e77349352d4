"""Set-up and servers: what `make` and `.ci/run` do before and around the work."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from toy_dag import ROOT, environment

DEMO = ".venv/bin/python -m flows"


@pytest.fixture
def checkout(tmp_path):
    """What `make` looks at before it does anything, with an environment that is set up."""
    for name in ("Makefile", "constraints.txt", "pyproject.toml", "modalities/toy/pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    (tmp_path / _stamp(tmp_path)).touch()
    return tmp_path


def test_an_environment_that_is_set_up_is_not_set_up_again(checkout):
    assert _would_do(checkout, "demo") == [DEMO]
    assert _would_do(checkout, "check")[0] == ".venv/bin/ruff check ."


def test_make_test_is_the_check_then_the_demo_then_every_test_that_the_check_left(checkout):
    check, test = _would_do(checkout, "check"), _would_do(checkout, "test")
    fast, rest = (re.search(r'pytest .* -m "(.*)"$', done[-1])[1] for done in (check, test))
    assert test == [*check, DEMO, test[-1]]
    assert (fast, rest) == ("not demo and not slow", "demo or slow")


def test_the_oldest_environment_is_one_of_its_own(checkout):
    done = _would_do(checkout, "oldest")
    installed = [line for line in done if "pip install" in line]
    assert installed and all(line.startswith(".venv-oldest/") for line in installed)
    assert all("-c .venv/oldest.txt" in line for line in installed if "--no-deps" not in line)


@pytest.mark.parametrize(
    "name", ["constraints.txt", "pyproject.toml", "modalities/toy/pyproject.toml"]
)
def test_another_pin_sets_the_environment_up_again(checkout, name):
    with (checkout / name).open("a") as file:
        file.write("# another\n")
    assert any("pip install" in line for line in _would_do(checkout, "demo"))


def test_another_modality_sets_the_environment_up_again(checkout):
    (checkout / "modalities" / "fourth").mkdir()
    (checkout / "modalities" / "fourth" / "pyproject.toml").write_text("[project]\n")
    assert any("-e ./modalities/fourth" in line for line in _would_do(checkout, "demo"))


def test_make_clean_spares_observations(checkout):
    assert not [
        word
        for line in _would_do(checkout, "clean")
        for word in line.split()
        if word in ("data", "data/README.md", "data/observations")
    ]


def test_ci_runs_make_test_alone():
    lines = [
        line
        for line in (ROOT / ".ci" / "run").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert lines == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "make test"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.server
@pytest.mark.slow
def test_serve_answers_on_loopback_and_stops_both_on_ctrl_c(tmp_path):
    stores = {
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow/mlflow.db",
    }
    command = [sys.executable, "-m", "flows.serve"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(**stores), stdout=subprocess.PIPE, text=True
    ) as serve:
        said = [next(serve.stdout) for _ in range(3)]
        addresses = re.findall(r"http://([\d.]+):(\d+)(?=\s)", "".join(said[:2]))
        listening = [_listens(int(port)) for _, port in addresses]
        serve.send_signal(signal.SIGINT)
        assert serve.wait(timeout=60) == 0
    assert {host for host, _ in addresses} == {"127.0.0.1"} and listening == [True, True]
    assert not any(_listens(int(port)) for _, port in addresses)


def _would_do(folder: Path, target: str) -> list[str]:
    """The commands that `make` would run, but for those that only speak."""
    done = subprocess.run(
        ["make", "-n", target],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env=_outside(),
    )
    return [line for line in done.stdout.splitlines() if not line.startswith(("make", "echo"))]


def _stamp(folder: Path) -> str:
    """The file by which `make` knows that the environment is set up."""
    done = subprocess.run(
        ["make", "-np", "demo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env=_outside(),
    )
    return re.search(r"\.venv/ready-[0-9a-f]{16}", done.stdout)[0]


def _outside() -> dict[str, str]:
    """The environment without what an outer `make` left in it."""
    return {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
