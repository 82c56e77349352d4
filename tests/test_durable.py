"""Stores under kills, races, full disks and file systems that do not rename; numbers that are none; names that are paths."""

import errno
import os
import shutil
import subprocess
import sys
import time
import uuid
from itertools import pairwise
from pathlib import Path

import pytest
from refusals import tree

from addend import durable
from addend.durable import fresh_folder, only_writer, written_beside
from addend.errors import BadSetting, BadTable, FullDisk, NotFinite, UnusablePath
from addend.running import alone
from addend.table import read_table

HOLDS = """
import sys, time
from pathlib import Path
from addend.durable import written_beside
with written_beside(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("holds", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process in the middle of writing `held` in a folder."""
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "held")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "holds\n"
        yield process
        process.kill()


def temporaries(folder):
    return [path for path in folder.iterdir() if path.name.startswith(durable.TEMPORARY)]


def test_what_a_living_writer_holds_stays_and_what_a_killed_one_left_goes(tmp_path, holder):
    with written_beside(tmp_path / "a") as temporary:
        temporary.write_text("a")
    assert len(temporaries(tmp_path)) == 1
    holder.kill()
    holder.wait()
    with written_beside(tmp_path / "b") as temporary:
        temporary.write_text("b")
    assert temporaries(tmp_path) == [] and {p.name for p in tmp_path.iterdir()} == {"a", "b"}


@pytest.mark.parametrize("writer", [fresh_folder, only_writer, written_beside])
def test_every_writer_sweeps_what_older_cores_left_and_nothing_of_others(tmp_path, writer):
    (tmp_path / f".tmp-{uuid.uuid4().hex}").mkdir()
    (tmp_path / f".tmp-{uuid.uuid4().hex}").write_text("half")
    (tmp_path / ".tmp-mine").write_text("a person's")
    with writer(tmp_path if writer is only_writer else tmp_path / "new") as place:
        if writer is written_beside:
            place.write_text("")
    assert [path.name for path in temporaries(tmp_path)] == [".tmp-mine"]


def filled(folder, text):
    with fresh_folder(folder) as new:
        (new / "file").write_text(text)


def test_a_folder_that_cannot_be_renamed_is_copied_beside_and_renamed(tmp_path, monkeypatch):
    replace = os.replace

    def refusing(source, target):
        if Path(source).name != "copy":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        replace(source, target)

    filled(tmp_path / "fit", "before")
    monkeypatch.setattr(os, "replace", refusing)
    filled(tmp_path / "fit", "after")
    durable.discard(shutil.copytree(tmp_path / "fit", tmp_path / "other"))
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")} == {"fit", "fit/file"}
    assert (tmp_path / "fit" / "file").read_text() == "after"


@pytest.mark.parametrize("at", [1, 2])
def test_a_full_disk_is_named_and_what_stood_before_stands(tmp_path, monkeypatch, at):
    filled(tmp_path / "fit", "before")
    calls, sync = iter(range(1, 100)), os.fsync

    def full(handle):
        if next(calls) >= at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FullDisk, match="make room"):
        filled(tmp_path / "fit", "after")
    assert (tmp_path / "fit" / "file").read_text() == "before"
    assert temporaries(tmp_path) == []


def test_a_library_s_own_words_for_a_full_disk_are_understood(tmp_path):
    with pytest.raises(FullDisk), written_beside(tmp_path / "z"):
        raise RuntimeError("I/O error: No space left on device (os error 28)")


WAITS = """
import sys, time
from addend.running import alone
with alone("fuse", "real"):
    print(time.time(), flush=True)
    time.sleep(0.5)
    print(time.time(), flush=True)
"""


def test_a_second_of_the_same_stage_waits_and_says_so_and_nothing_is_left(tmp_path):
    (tmp_path / "data").mkdir()
    given = {"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    ran = [subprocess.Popen([sys.executable, "-c", WAITS], **given) for _ in range(3)]
    said = [process.communicate() for process in ran]
    spans = sorted(tuple(map(float, out.split())) for out, _ in said)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
    assert sum("runs already, as process" in err for _, err in said) >= 1
    assert list((tmp_path / "data").iterdir()) == []


def test_the_lock_of_a_killed_stage_bars_nobody(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", WAITS], cwd=tmp_path, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.kill()
    began = time.monotonic()
    with alone("fuse", "real"):
        assert time.monotonic() - began < 5
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize(
    "cell", ["1_000", "\N{ARABIC-INDIC DIGIT ONE}", "\N{FULLWIDTH DIGIT TWO}.5"]
)
def test_digits_that_are_no_number_on_paper_are_none_in_a_table(file, cell):
    with pytest.raises(BadTable, match="is not a number"):
        read_table(file(f"x\n{cell}\n"), {"x": "1"})


@pytest.mark.parametrize("value", ["1e308", "-1e300", "inf"])
def test_a_number_that_no_instrument_gives_is_refused_at_the_door(refuses, file, value):
    table = file(f"t,y,y_err\n0.1,0.5,0.2\n0,{value},0.1\n")
    refuses(NotFinite, "in row 2", "ingest", "toy", table, "--set", "absurd")


def test_psi_without_a_value_is_refused_with_its_row(project, file, monkeypatch):
    """Numbers that pass the door, and at which the network's squares overflow."""
    from addend import field, shards
    from addend.doors.ingest import ingest
    from addend.doors.logl import logl

    monkeypatch.setattr(field, "LARGEST", float("inf"))
    found = ingest("toy", file("t,y,y_err\n0.1,0.5,0.2\n0,1e308,0.1\n"), "absurd")
    try:
        with pytest.raises(NotFinite, match=r"psi of row 2 of the set 'absurd'"):
            logl("toy", "absurd", file("toy.intercept,toy.slope\n0.1,0.5\n", "points.csv"))
        assert isinstance(found, shards.ObservationSet)
    finally:
        shutil.rmtree(found.folder)


DOTDOT = "fusions:\n  '..': {modalities: {toy: {set: line}}}\n"
VERBS = ("gather", "resolve", "evaluate", "fuse", "calibrate-fusion", "report", "show", "influence")


@pytest.mark.parametrize("verb", VERBS)
def test_a_fusion_whose_name_is_a_path_touches_nothing(refuses, project, verb):
    settings = project / "params.yaml"
    before = settings.read_text()
    settings.write_text(DOTDOT)
    try:
        refuses(BadSetting, "at most 100 letters, digits", verb, "..")
    finally:
        settings.write_text(before)


def test_a_place_that_cannot_be_written_is_one_sentence(refuses, project, monkeypatch):
    def forbidden(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied", "data/fusions")

    monkeypatch.setattr("addend.stages.gather.gather", forbidden)
    refuses(UnusablePath, "data/fusions cannot be used (Permission denied)", "gather", "alone")
    assert tree(project)
