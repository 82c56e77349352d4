"""The drills on a small scale; `make drills` tries each ten times, the quick ones among them are here."""

import contextlib
import os
import random
import sqlite3
from pathlib import Path

import pytest
from folders import encoder

from addend import cli
from addend.registry.runs import Runs
from benchmarks.drills import kills, project, tampering

pytestmark = pytest.mark.usefixtures("no_store_named", "one_thread")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The project of the drills, from within. What its children import slowly is imported once for all of them."""
    import mlflow.store.model_registry.sqlalchemy_store
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401

    root = tmp_path_factory.mktemp("drills")
    assert project.ended(project.forked(lambda: project.build(root))) == 0
    with contextlib.chdir(root):
        yield root


def drawn():
    return random.Random(1)


@pytest.mark.slow
def test_a_changed_byte_is_caught_by_name_or_changes_no_number(small):
    for kind in tampering.kinds():
        count = tampering.tampered(kind, 3, drawn())
        print(count)
        assert count.clean, count


@pytest.mark.slow
def test_the_drill_finds_what_is_not_verified(small, monkeypatch):
    """With the seal of the fit unread, a changed byte of it is a traceback or another number."""
    monkeypatch.setattr("addend.sealed.require_sealed", lambda folder, stage: folder)
    count = tampering.tampered("fit", 20, drawn())
    assert count.lost + count.unnamed > 0


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["gather", "evaluate"])
def test_a_stage_that_was_killed_leaves_after_one_more_run_what_an_undisturbed_one_does(
    small, verb
):
    count = kills.stage(verb, 3, drawn())
    assert count.clean, count


@pytest.mark.slow
def test_four_gathers_at_once_end_well_and_leave_what_one_does(small):
    count = kills.at_once("gather", 1)
    assert count.clean, count


@pytest.mark.slow
def test_of_tables_that_are_ingested_into_one_new_set_at_once_one_is_in_and_the_others_are_told(
    small,
):
    count = kills.ingests_at_once(2)
    assert count.clean, count


@pytest.mark.slow
def test_a_full_disk_and_one_that_renames_nothing_lose_nothing(small):
    for count in (tampering.full_disk(2, drawn()), tampering.no_rename(2)):
        assert count.clean, count


@pytest.mark.slow
def test_a_stage_dies_with_the_dvc_that_started_it(small):
    count = kills.orphans(2)
    assert count.clean, count


def test_a_drill_that_finds_something_is_not_clean():
    """The count itself can fail: nothing tried, one that did not survive, one that was lost."""
    assert project.Count("x", tried=2, survived=2).clean
    assert not project.Count("x").clean
    assert not project.Count("x", tried=2, survived=1).clean
    assert not project.Count("x", tried=2, survived=2, lost=1).clean
    assert not project.Count("x", tried=2, survived=2, left=1).clean


def runs(root: Path) -> list[tuple[str, str]]:
    """Name and status of every run of a store."""
    with contextlib.closing(sqlite3.connect(root / "mlflow" / "store" / "mlflow.db")) as db:
        return sorted(db.execute("SELECT name, status FROM runs").fetchall())


def test_training_of_one_encoder_is_one_run_however_often_it_is_logged(registry, root):
    first = registry.log_training("bao", {"seed": 1}, [{"loss": 1.0}], "d" * 64)
    assert registry.log_training("bao", {"seed": 1}, [{"loss": 1.0}], "d" * 64) == first
    assert registry.log_training("bao", {"seed": 1}, [{"loss": 1.0}], "e" * 64) != first
    assert runs(root) == [("training", "FINISHED")] * 2


def test_a_run_that_a_killed_writer_left_is_closed_by_the_next_of_its_modality(registry, root):
    for name in ("bao", "toy"):
        with registry._store.alone():
            experiment = Runs(registry._store, f"modality.{name}").experiment
            registry._client.create_run(experiment, run_name="training", tags={"kind": "training"})
    registry.log_training("bao", {}, [{"loss": 1.0}], "d" * 64)
    assert runs(root) == [("training", s) for s in ("FINISHED", "KILLED", "RUNNING")]


def test_a_registration_killed_before_its_version_takes_up_the_run_that_is_there(
    registry, root, tmp_path, monkeypatch
):
    class Killed(BaseException):
        pass

    def killed(*args, **kwargs):
        raise Killed

    folder = encoder(tmp_path / "a")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(type(registry._client._client), "create_model_version", killed)
        registry.register("bao", folder, {}, {})
    version = registry.register("bao", folder, {}, {})
    assert registry.versions("bao") == [version]
    assert runs(root) == [("registration", "FINISHED")]


def test_a_damaged_database_is_one_sentence_and_status_2(root, tmp_path, monkeypatch, capsys):
    database = root / "mlflow" / "store" / "mlflow.db"
    content = bytearray(database.read_bytes())
    content[:100] = bytes(100)
    database.write_bytes(content)
    monkeypatch.chdir(root)
    monkeypatch.setattr("sys.argv", ["addend", "verify", "bao"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert "gives no answer" in said and said.startswith("addend: ") and said.count("\n") == 1
    assert os.path.exists(database)
