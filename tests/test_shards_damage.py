"""Shards whole or not at all: bad rows change nothing, damage is never read, and no writer tears or loses one."""

import json
import subprocess
import sys

import numpy as np
import pytest
from expansion import ATTRS, SCHEMA, rows, same
from folders import tree

from addend.errors import (
    BadSetting,
    EmptyTable,
    MissingColumn,
    NegativeError,
    NoObservations,
    NotFinite,
    TamperedArtifact,
)
from addend.pools import with_theta
from addend.shards import (
    append_set,
    open_set,
    read_set,
    read_shard,
    write_set,
    write_shard,
)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"H": np.r_[np.nan, np.ones(9)]}, NotFinite),
        ({"error": -np.ones(10)}, NegativeError),
        ({"z": np.ones(9)}, BadSetting),
        ({"theta.H0": np.full(10, np.inf)}, NotFinite),
        ({name: values[:0] for name, values in rows().items()}, EmptyTable),
    ],
)
def test_bad_observations_leave_the_set_as_it_was(tmp_path, change, error):
    write_set(tmp_path, rows(), SCHEMA, ATTRS)
    before = tree(tmp_path)
    for write in (
        lambda c: write_set(tmp_path, c, SCHEMA, ATTRS),
        lambda c: append_set(tmp_path, c, SCHEMA),
    ):
        with pytest.raises(error):
            write({**rows(), **change})
    assert tree(tmp_path) == before


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(MissingColumn, match="'error'"):
        write_set(tmp_path / "s", {k: v for k, v in rows().items() if k != "error"}, SCHEMA, ATTRS)
    write_set(tmp_path / "s", with_theta(rows(), np.ones((10, 1)), ["H0"]), SCHEMA, ATTRS)
    with pytest.raises(MissingColumn, match=r"theta\.H0"):
        append_set(tmp_path / "s", rows(), SCHEMA)


def test_nothing_at_all_is_an_empty_table(tmp_path):
    with pytest.raises(EmptyTable):
        write_shard(tmp_path, {}, ATTRS)


def test_a_missing_set_says_how_to_bring_one(tmp_path):
    for ask in (read_set, open_set, lambda folder: append_set(folder, rows(), SCHEMA)):
        with pytest.raises(NoObservations, match=r"addend ingest bao <table\.csv> --set mine"):
            ask(tmp_path / "bao" / "mine")
    assert not (tmp_path / "bao").exists()


def test_a_set_without_shards_is_empty(tmp_path):
    write_set(tmp_path, rows(), SCHEMA, ATTRS)
    (tmp_path / "set.json").write_text(json.dumps({"attrs": ATTRS, "shards": []}))
    with pytest.raises(EmptyTable):
        read_set(tmp_path)


def flip_a_byte(shard):
    path = shard.path / "H" / "c" / "0"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def change_the_unit(shard):
    path = shard.path / "H" / "zarr.json"
    path.write_text(path.read_text().replace("km/s/Mpc", "m/s/Mpc"))


def forget_that_it_is_mock(shard):
    manifest = shard.path.parent / "set.json"
    manifest.write_text(manifest.read_text().replace('"mock": false', '"mock": true'))


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_byte,
        change_the_unit,
        forget_that_it_is_mock,
        lambda shard: (shard.path / "H" / "c" / "0").unlink(),
        lambda shard: (shard.path / "H" / "c" / "0").write_bytes(b""),
        lambda shard: (shard.path / "zarr.json").write_text("{"),
        lambda shard: shard.path.rename(shard.path.with_name("0123456789abcdef.zarr")),
        lambda shard: (shard.path.parent / "set.json").write_text("[]"),
    ],
)
def test_damage_is_never_read(tmp_path, damage):
    shard = write_set(tmp_path, rows(), SCHEMA, ATTRS).shards[0]
    damage(shard)
    with pytest.raises(TamperedArtifact):
        read_set(tmp_path)


def test_another_shard_under_this_ones_name_is_not_read(tmp_path):
    shard, other = (
        write_shard(tmp_path, rows(), ATTRS),
        write_shard(tmp_path / "other", rows(seed=1), ATTRS),
    )
    with pytest.raises(TamperedArtifact):
        read_shard(other.path.rename(tmp_path / "0123456789abcdef.zarr"))
    assert same(read_shard(shard.path)[0], dict(sorted(rows().items())))


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from addend.shards import write_shard

COLUMNS = {"a": np.arange(1000.0), "b": np.ones(1000)}
calls, fatal = 0, 0

def counted(call):
    def killing(*args):
        global calls
        calls += 1
        if calls == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args)
    return killing

os.fsync, os.replace = counted(os.fsync), counted(os.replace)
while True:
    fatal += 1
    child = os.fork()
    if not child:
        write_shard(Path(sys.argv[1]) / str(fatal), COLUMNS, {})
        os._exit(0)
    if os.waitpid(child, 0)[1] != signal.SIGKILL:
        break
print(fatal)
"""


@pytest.mark.slow
def test_a_writer_killed_at_any_sync_or_rename_leaves_no_torn_shard(tmp_path):
    script = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, check=True
    )
    last = int(script.stdout)
    whole = tree(tmp_path / str(last))
    assert last > 10 and whole
    visible = []
    for call in range(1, last):
        folder = tmp_path / str(call)
        visible += [read_shard(shard) for shard in folder.glob("*.zarr")]
        write_shard(folder, {"a": np.arange(1000.0), "b": np.ones(1000)}, {})
        assert tree(folder) == whole, "what the killed one left is swept, what it began is done"
    assert len(visible) == 1, "only the last call, after the rename, leaves one to be seen"


TURNS = """
import os, sys
from pathlib import Path
import numpy as np
from addend.modality import Field, Schema
from addend.shards import append_set, write_set

folder, schema = Path(sys.argv[1]), Schema((Field("x", "1", "a number"),))
if not os.fork():
    write_set(folder, {"x": np.zeros(1)}, schema, {})
    os._exit(0)
os.wait()
for writer in (1, 2, 3):
    if not os.fork():
        for i in range(5):
            append_set(folder, {"x": np.array([10.0 * writer + i])}, schema)
        os._exit(0)
print(all(os.wait()[1] == 0 for _ in range(3)))
"""


@pytest.mark.slow
def test_writers_of_one_folder_take_turns_and_lose_nothing(tmp_path):
    script = subprocess.run(
        [sys.executable, "-c", TURNS, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert script.stdout == "True\n"
    assert sorted(read_set(tmp_path).columns["x"]) == [
        0.0,
        *(10.0 * writer + i for writer in (1, 2, 3) for i in range(5)),
    ]
