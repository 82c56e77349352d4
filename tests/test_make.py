"""Set-up, pins and servers: what `make` and `.ci/run` do before and around the work."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from source import imported
from toy_dag import ROOT, environment


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
    demo = ".venv/bin/python -m flows"
    assert _would_do(checkout, "demo") == [demo]
    assert _would_do(checkout, "test") == [demo, ".venv/bin/python -m pytest -n 2 --dist loadfile"]


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
        if word in ("data", "data/observations")
    ]


def test_ci_runs_make_test_alone():
    lines = [
        line
        for line in (ROOT / ".ci" / "run").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert lines == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "make test"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_every_package_in_use_is_pinned_and_no_other():
    pinned = {
        canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in _constraints()
    }
    used = {name: Version(distribution(name).version).public for name in _closure()}
    assert pinned == used | {"setuptools": pinned["setuptools"]}


def test_the_server_s_own_pins_are_those_it_starts_and_schedules_with():
    pinned = {
        canonicalize_name(r.name): Version(str(r.specifier).removeprefix("=="))
        for r in _constraints()
    }
    assert Version("0.139") <= pinned["fastapi"] < Version("0.151")
    assert Version("2.0") <= pinned["sqlalchemy"] < Version("2.1")


@pytest.mark.parametrize(
    ("folder", "extras"), [("src", ()), ("flows", ("pipeline",)), ("tests", ("pipeline", "test"))]
)
def test_every_import_is_declared(folder, extras):
    declared = {canonicalize_name(r.name) for r in _direct(extras)}
    owners = packages_distributions()
    names = {name for _, name in imported(ROOT / folder)} & owners.keys()
    others = [name for name in names if not name.startswith("addend")]
    assert not [
        name for name in others if not {canonicalize_name(o) for o in owners[name]} & declared
    ]


def test_direct_dependencies_agree_with_the_constraints():
    pinned = {canonicalize_name(r.name): r.specifier for r in _constraints()}
    assert {canonicalize_name(r.name): r.specifier for r in _direct()}.items() <= pinned.items()


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


def _constraints() -> list[Requirement]:
    return [
        Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if line
    ]


def _direct(extras: tuple[str, ...] = ("pipeline", "test")) -> Iterator[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for group in [
        project["dependencies"],
        *(project["optional-dependencies"][extra] for extra in extras),
    ]:
        yield from map(Requirement, group)


def _closure() -> set[str]:
    """Names of all distributions that the direct dependencies need, themselves included, in this environment."""
    found, todo = {}, [(canonicalize_name(r.name), frozenset(r.extras)) for r in _direct()]
    while todo:
        name, extras = todo.pop()
        if name in found and extras <= found[name]:
            continue
        found[name] = found.get(name, frozenset()) | extras
        for needed in map(Requirement, distribution(name).requires or []):
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in {"", *extras}
            ):
                todo.append((canonicalize_name(needed.name), frozenset(needed.extras)))
    return set(found)
