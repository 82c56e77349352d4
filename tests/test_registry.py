"""The registry: one version an encoder, one champion for a reason, and no file that is not the one registered."""

import hashlib
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from addend import artifact
from addend.errors import BadSetting, TamperedArtifact
from addend.registry import Registry

HERE = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def no_store_named(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """An empty store, made once: that takes seconds."""
    root = tmp_path_factory.mktemp("template")
    Registry(f"sqlite:///{root}/mlflow/store/mlflow.db").log_training("none", {}, [])
    with sqlite3.connect(root / "mlflow/store/mlflow.db") as db:
        db.executescript(
            "DELETE FROM runs; DELETE FROM tags; DELETE FROM experiments WHERE experiment_id > 0;"
        )
    return root / "mlflow"


@pytest.fixture
def root(template, tmp_path):
    shutil.copytree(template, tmp_path / "mlflow")
    return tmp_path


@pytest.fixture
def registry(root):
    return Registry(root=root)


def encoder(folder, weights="1"):
    """A folder that a registry takes for an encoder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "head.safetensors").write_text(weights)
    artifact.write_manifest(folder, {"name": "an encoder"}, ["head.safetensors"])
    return folder


def tree(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_what_was_registered_is_what_is_fetched(registry, tmp_path):
    folder = encoder(tmp_path / "encoder")
    version = registry.register(
        "bao", folder, {"commit": "abc", "data": {"train": "d1"}}, {"log_score": 1.5}
    )
    assert tree(registry.fetch(version)) == tree(folder)
    assert version.digest == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert registry.tags(version) == {"commit": "abc", "data.train": "d1", "digest": version.digest}
    assert registry.candidate("bao") == version and registry.champion("bao") is None


def test_one_encoder_is_one_version_however_often_it_is_registered(registry, tmp_path):
    folder = encoder(tmp_path / "encoder")
    first = registry.register("bao", folder, {}, {})
    assert registry.register("bao", folder, {"commit": "later"}, {}) == first
    assert registry.versions("bao") == [first]


def test_the_candidate_is_the_last_one_registered(registry, tmp_path):
    first = registry.register("bao", encoder(tmp_path / "a", "1"), {}, {})
    second = registry.register("bao", encoder(tmp_path / "b", "2"), {}, {})
    assert registry.candidate("bao") == second and registry.versions("bao") == [second, first]
    registry.register("bao", tmp_path / "a", {}, {})
    assert registry.candidate("bao") == first


def test_modalities_do_not_share_versions(registry, tmp_path):
    folder = encoder(tmp_path / "encoder")
    assert (
        registry.register("bao", folder, {}, {}).version
        == registry.register("masers", folder, {}, {}).version
        == 1
    )
    registry.promote(registry.candidate("bao"), "it passes")
    assert registry.champion("masers") is None


def test_promotion_moves_the_champion_and_records_why(registry, tmp_path):
    first = registry.register("bao", encoder(tmp_path / "a", "1"), {}, {})
    second = registry.register("bao", encoder(tmp_path / "b", "2"), {}, {})
    registry.promote(first, "the only one")
    assert registry.champion("bao") == first and registry.candidate("bao") == second
    registry.promote(second, "log score 0.1 nat higher")
    assert registry.champion("bao") == second
    assert (
        registry.tags(second)["reason"] == "log score 0.1 nat higher"
        and registry.tags(first)["reason"] == "the only one"
    )
    registry.promote(first, "second is biased")
    assert registry.champion("bao") == first, "one can go back"


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_nothing_is_promoted_or_refused_without_a_reason(registry, tmp_path, reason):
    version = registry.register("bao", encoder(tmp_path / "a"), {}, {})
    for judge in (registry.promote, registry.refuse):
        with pytest.raises(BadSetting, match="without a reason"):
            judge(version, reason)
    assert registry.champion("bao") is None and "verdict" not in registry.tags(version)


def test_a_refused_version_stays_with_its_reason_and_the_champion_stays_too(registry, tmp_path):
    good = registry.register("bao", encoder(tmp_path / "a", "1"), {}, {})
    bad = registry.register("bao", encoder(tmp_path / "b", "2"), {}, {})
    registry.promote(good, "it passes")
    registry.refuse(bad, "ranks fail, p = 1e-6")
    assert registry.champion("bao") == good and bad in registry.versions("bao")
    assert registry.tags(bad) | {
        "verdict": "refused",
        "reason": "ranks fail, p = 1e-6",
    } == registry.tags(bad)
    registry.refuse(good, "its pool was wrong")
    assert registry.champion("bao") is None


def test_an_encoder_that_is_not_whole_is_not_registered(registry, tmp_path):
    def changed(folder):
        (folder / "head.safetensors").write_text("2")

    def lost(folder):
        (folder / "head.safetensors").unlink()

    def without_manifest(folder):
        (folder / "manifest.json").unlink()

    def with_another_manifest(folder):
        (folder / "manifest.json").write_text('{"files": 3}')

    for i, damage in enumerate((changed, lost, without_manifest, with_another_manifest)):
        damage(encoder(tmp_path / str(i)))
        with pytest.raises(TamperedArtifact):
            registry.register("bao", tmp_path / str(i), {}, {})
    assert registry.versions("bao") == [] and registry.candidate("bao") is None


def test_an_encoder_changed_in_the_store_is_not_fetched(registry, tmp_path):
    version = registry.register("bao", encoder(tmp_path / "a"), {}, {})
    stored = registry.fetch(version)
    (stored / "head.safetensors").write_text("2")
    with pytest.raises(TamperedArtifact, match=r"head\.safetensors"):
        registry.fetch(version)
    encoder(stored, "2")
    with pytest.raises(TamperedArtifact, match="bao version 1"):
        registry.fetch(version)
    shutil.rmtree(stored)
    with pytest.raises(TamperedArtifact, match="register the encoder again"):
        registry.fetch(version)
    assert registry.register("bao", tmp_path / "a", {}, {}) == version
    assert tree(registry.fetch(version)) == tree(tmp_path / "a"), "the remedy is one"


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
        version = Registry(root=folder).register(model, f"{folder}/a", {}, {"loss": 1.0})
        print(version.name, version.version, flush=True)
        os._exit(0)
print(*(os.wait()[1] for _ in models), flush=True)
"""


@pytest.mark.slow
def test_processes_that_register_at_once_make_one_store_in_silence(tmp_path):
    """On a store that none of them finds made: three models, and one of them by two processes."""
    encoder(tmp_path / "a")
    models = ["bao", "chronometers", "masers", "masers"]
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
        assert tree(registry.fetch(registry.candidate(name))) == tree(tmp_path / "a")


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
