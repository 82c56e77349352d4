"""Two projects: a small one, the toy with an encoder of a hundred steps beside masers without one;
and the demo itself.
"""

import contextlib
import fcntl
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from refusals import tree

from addend import cli, places
from addend.registry import Registry
from addend.stages import finetune, observe, pretrain, simulate
from benchmarks.drills import small

HERE = Path(__file__).resolve().parent.parent
SETTINGS = {
    **small.SETTINGS,
    "simulate": {"seed": 1, "train": 4000, "calibrate": 200, "audit": 200},
}
TOY, MASERS = {"toy": {"set": "line"}}, {"masers": {"set": "pesce2020"}}
OPTIONAL = {
    "masers": {"set": "pesce2020", "optional": True},
    "bao": {"set": "desi_dr2", "optional": True},
}
FUSIONS = {
    "alone": {"modalities": TOY},
    "needs_champion": {"modalities": TOY | MASERS},
    "needs_observations": {"modalities": {"toy": {"set": "absent"}}},
    "lenient": {"modalities": TOY | OPTIONAL},
    "half": {"modalities": {"toy": {"set": "absent", "optional": True}}},
    "mixed": {"modalities": {"toy": {"set": "drawn"}}},
}
MARKS = {"demo": ["demo"], "prefect": ["server", "slow"]}  # of the tests that use a fixture


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the trained encoders or a server says so, before `-m` chooses."""
    for item in items:
        for name in getattr(item, "fixturenames", ()):
            for mark in MARKS.get(name, ()):
                item.add_marker(mark)


@pytest.fixture(scope="session")
def small_project(tmp_path_factory) -> Path:
    """Its root. Tests that change a file of it put the file back."""
    root = tmp_path_factory.mktemp("project")
    shutil.copy(HERE / "parameters.yaml", root)
    (root / "modalities" / "toy").mkdir(parents=True)
    shutil.copy(HERE / "modalities" / "toy" / "parameters.yaml", root / "modalities" / "toy")
    (root / "modalities" / "toy" / "params.yaml").write_text(yaml.safe_dump(SETTINGS))
    (root / "params.yaml").write_text(yaml.safe_dump({"fusions": FUSIONS}))
    with contextlib.chdir(root), pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        for stage in (observe.observe, simulate.simulate, pretrain.pretrain, finetune.finetune):
            stage("toy")
        observe.observe("masers")
        registry = Registry(root=places.ROOT)
        registry.promote(
            registry.register("toy", places.encoder("toy", "head"), {}, {}), "for the tests"
        )
    return root


@pytest.fixture
def no_store_named(monkeypatch) -> None:
    """No store of the registry but the root's own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory) -> Path:
    """An empty store, made once: that takes seconds."""
    root = tmp_path_factory.mktemp("template")
    Registry(f"sqlite:///{root}/mlflow/store/mlflow.db").log_training("none", {}, [])
    with sqlite3.connect(root / "mlflow/store/mlflow.db") as db:
        db.executescript(
            "DELETE FROM runs; DELETE FROM tags; DELETE FROM experiments WHERE experiment_id > 0;"
        )
    return root / "mlflow"


@pytest.fixture
def root(empty_store, no_store_named, tmp_path) -> Path:
    """A root with an empty store."""
    shutil.copytree(empty_store, tmp_path / "mlflow")
    return tmp_path


@pytest.fixture
def registry(root) -> Registry:
    """The registry of that store."""
    return Registry(root=root)


@pytest.fixture
def one_thread() -> None:
    """PyTorch on one thread."""
    torch.set_num_threads(1)


@pytest.fixture
def project(small_project, no_store_named, one_thread, monkeypatch) -> Path:
    """The small project, from within."""
    monkeypatch.chdir(small_project)
    return small_project


@pytest.fixture
def own_project(small_project, no_store_named, one_thread, tmp_path, monkeypatch) -> Path:
    """A copy of the small project, from within, for tests that change its settings or what it made."""
    root = tmp_path / "project"
    shutil.copytree(small_project, root)
    monkeypatch.chdir(root)
    return root


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
    """Write a text into a file."""

    def write(text: str, name: str = "given.csv") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture(scope="session")
def demo() -> Path:
    """The project itself, its fusions up to date, as `make demo` leaves it: workers wait."""
    lock = HERE / ".pytest_cache" / "demo.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        subprocess.run([sys.executable, "-m", "flows"], cwd=HERE, check=True)
    return HERE
