"""The registry's store: made by the first who writes, found where it is named or moved, and every run stays in it."""

import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from folders import encoder, tree

from addend.errors import BadSetting
from addend.registry import Registry

HERE = Path(__file__).parents[1]
pytestmark = pytest.mark.usefixtures("no_store_named")


def test_asking_makes_no_store(tmp_path):
    registry = Registry(root=tmp_path)
    assert (
        registry.champion("bao") is None
        and registry.candidate("bao") is None
        and registry.versions("bao") == []
    )
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_another_place_is_used_where_it_is_named(root, tmp_path, monkeypatch):
    version = Registry(root=root).register("bao", encoder(tmp_path / "a"), {}, {})
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/mlflow/store/mlflow.db")
    elsewhere = Registry(root=tmp_path / "elsewhere")
    assert elsewhere.versions("bao") == [version] and tree(elsewhere.fetch(version)) == tree(
        tmp_path / "a"
    )


def test_training_keeps_every_step(registry):
    history = [{"train": 1.0 / (1 + i), "held_out": 2.0 / (1 + i)} for i in range(1200)]
    run = registry.log_training(
        "bao", {"head": {"width": 64}, **{f"setting{i}": i for i in range(150)}}, history
    )
    kept = registry._client.get_metric_history(run, "train")
    assert [(m.step, m.value) for m in sorted(kept, key=lambda m: m.step)] == [
        (i, h["train"]) for i, h in enumerate(history)
    ]
    params = registry._client.get_run(run).data.params
    assert params["head.width"] == "64" and len(params) == 151


def test_a_fusion_keeps_its_report(registry, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("<p>theta_hat</p>")
    run = registry._client.get_run(
        registry.log_fusion("real", {"seed": 1}, {"H0": 70.0}, tmp_path / "report")
    )
    assert run.data.metrics == {"H0": 70.0} and run.info.status == "FINISHED"
    assert tree(Path(run.info.artifact_uri.removeprefix("file://"))) == {
        "report/index.html": b"<p>theta_hat</p>"
    }
    with pytest.raises(BadSetting, match="no report"):
        registry.log_fusion("real", {}, {}, tmp_path / "no such folder")
    assert len(registry._client.search_runs([run.info.experiment_id])) == 1


def test_a_run_that_fails_is_said_to_have_failed(registry):
    with pytest.raises(ValueError, match="could not convert"):
        registry.log_training("bao", {}, [{"train": "much"}])
    experiment = registry._client.get_experiment_by_name("modality.bao").experiment_id
    assert [r.info.status for r in registry._client.search_runs([experiment])] == ["FAILED"]


def test_a_moved_store_is_refused_until_the_readme_is_followed(root, tmp_path):
    old = Registry(root=root).register("bao", encoder(tmp_path / "a"), {}, {})
    new = tmp_path / "moved"
    shutil.copytree(root / "mlflow", new / "mlflow")
    with pytest.raises(BadSetting, match=r"mlflow/README\.md"):
        Registry(root=new).register("bao", encoder(tmp_path / "b", "2"), {}, {})
    shutil.rmtree(root / "mlflow")
    (statements,) = re.findall(
        r"```sql\n(.*?)```", (HERE / "mlflow" / "README.md").read_text(), re.DOTALL
    )
    with sqlite3.connect(new / "mlflow" / "store" / "mlflow.db") as db:
        db.executescript(
            statements.replace("/old/root/", f"{root}/").replace("/new/root/", f"{new}/")
        )
    moved = Registry(root=new)
    assert tree(moved.fetch(old)) == tree(tmp_path / "a")
    assert str(moved.fetch(moved.register("bao", tmp_path / "b", {}, {}))).startswith(str(new))


REGISTER = """
import os, sys
import mlflow.store.model_registry.sqlalchemy_store, mlflow.store.tracking.sqlalchemy_store  # once for all
from addend.registry import Registry

folder, models = sys.argv[1], sys.argv[2:]
for model in models:
    if not os.fork():
        version = Registry(root=folder).register(model, f"{folder}/{model}", {}, {"loss": 1.0})
        print(version.name, version.version, flush=True)
        os._exit(0)
print(*(os.wait()[1] for _ in models), flush=True)
"""


@pytest.mark.slow
def test_processes_that_register_at_once_make_one_store_in_silence(tmp_path):
    """On a store that none of them finds made: three models, and one of them by two processes."""
    models = ["bao", "chronometers", "masers", "masers"]
    for name in models:
        encoder(tmp_path / name, name=name)
    ran = subprocess.run(
        [sys.executable, "-c", REGISTER, str(tmp_path), *models],
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(ran.stdout.splitlines()) == [
        "0 0 0 0",
        "bao 1",
        "chronometers 1",
        "masers 1",
        "masers 1",
    ]
    assert ran.stderr == ""
    registry = Registry(root=tmp_path)
    for name in set(models):
        assert [v.version for v in registry.versions(name)] == [1] and registry.candidate(
            name
        ) == registry.versions(name)[0]
        assert tree(registry.fetch(registry.candidate(name))) == tree(tmp_path / name)


def test_importing_the_registry_does_not_import_mlflow():
    code = "import sys, addend.registry; print('mlflow' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "False\n"
    )


def test_the_folder_mlflow_holds_no_python_and_shadows_nothing():
    tracked = [
        p
        for p in (HERE / "mlflow").rglob("*")
        if "store" not in p.relative_to(HERE / "mlflow").parts
    ]
    assert {p.name for p in tracked} == {"README.md", ".gitignore"}
    code = "from importlib.util import find_spec; print(find_spec('mlflow').origin)"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, check=True
    ).stdout
    assert "site-packages" in found
