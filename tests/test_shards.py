"""Shards: what is written is what is read, whole or not at all, and under one name."""

import json
import subprocess
import sys

import numpy as np
import pytest
import xarray

from addend.errors import (
    BadSetting,
    EmptyTable,
    MissingColumn,
    NegativeError,
    NoObservations,
    NotFinite,
    TamperedArtifact,
)
from addend.modality import Field, Schema
from addend.shards import (
    append_set,
    open_set,
    read_set,
    read_shard,
    theta_of,
    with_theta,
    write_set,
    write_shard,
)

ERROR = Field("error", "km/s/Mpc", "error of H", positive=True)
SCHEMA = Schema((Field("H", "km/s/Mpc", "expansion rate"),), (Field("z", "1", "redshift"), ERROR))
ATTRS = {"modality": "toy", "set": "first", "mock": False}


def rows(n=10, seed=0):
    rng = np.random.default_rng(seed)
    return {"H": rng.normal(70, 5, n), "z": rng.random(n), "error": 1 + rng.random(n)}


def tree(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def test_a_shard_reads_back_as_it_was_written(tmp_path):
    columns = {
        **rows(),
        "strain": np.random.default_rng(1).normal(size=(10, 3, 2)),
        "absent": np.zeros(10),
    }
    attrs = {**ATTRS, "units": {"H": "km/s/Mpc"}}
    shard = write_shard(tmp_path, columns, attrs)
    read, read_attrs = read_shard(shard.path)
    assert same(read, dict(sorted(columns.items()))) and read_attrs == attrs
    assert (shard.n, shard.name) == (10, f"{shard.digest[:16]}.zarr")


def test_equal_content_gives_equal_trees_wherever_and_in_whatever_order_it_is_written(tmp_path):
    columns = {f"c{i}": np.random.default_rng(i).normal(size=100_000) for i in range(6)}
    write_shard(tmp_path / "a", columns, {"one": 1, "two": 2})
    write_shard(tmp_path / "b", dict(reversed(columns.items())), {"two": 2, "one": 1})
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_writing_again_changes_nothing(tmp_path):
    first = write_shard(tmp_path, rows(), ATTRS)
    times = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    assert write_shard(tmp_path, rows(), ATTRS) == first
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == times


@pytest.mark.parametrize("change", [{"H": rows(seed=1)["H"]}, {"extra": np.ones(10)}])
def test_other_content_has_another_name(tmp_path, change):
    assert (
        write_shard(tmp_path, {**rows(), **change}, ATTRS).name
        != write_shard(tmp_path, rows(), ATTRS).name
    )
    assert (
        write_shard(tmp_path, rows(), {**ATTRS, "mock": True}).name
        != write_shard(tmp_path, rows(), ATTRS).name
    )


def test_a_shard_is_one_data_file_a_column(tmp_path):
    write_shard(tmp_path, rows(100_000), ATTRS)
    data = [p for p in tmp_path.rglob("*") if p.is_file() and p.name != "zarr.json"]
    assert len(data) == 3


def test_xarray_opens_a_shard_with_its_units(tmp_path):
    shard = write_set(tmp_path, rows(), SCHEMA, ATTRS).shards[0]
    with xarray.open_zarr(shard.path, consolidated=False) as opened:
        assert (
            opened.H.dims == ("row",)
            and opened.H.units == "km/s/Mpc"
            and opened.attrs["modality"] == "toy"
        )
        assert np.array_equal(opened.z, rows()["z"])


@pytest.mark.parametrize("shard_rows", [1, 3, 10, 1000])
def test_any_splitting_into_shards_reads_as_one(tmp_path, shard_rows):
    written = write_set(tmp_path, rows(), SCHEMA, ATTRS, shard_rows)
    read = read_set(tmp_path)
    assert same(read.columns, dict(sorted(rows().items()))) and read.n == 10
    assert (
        len(read.shards) == -(-10 // shard_rows)
        and read.shards == written.shards
        and read.digest == written.digest
    )
    assert sum(len(columns["H"]) for _, columns in read) == 10


def test_two_equal_observations_are_two(tmp_path):
    twice = {name: np.repeat(values[:1], 2) for name, values in rows().items()}
    write_set(tmp_path, twice, SCHEMA, ATTRS, shard_rows=1)
    assert read_set(tmp_path).n == 2


def test_a_set_keeps_the_fields_of_its_schema_and_theta(tmp_path):
    theta = np.random.default_rng(2).random((10, 2))
    pool = with_theta({**rows(), "galaxy": np.arange(10)}, theta, ["H0", "bao.shift"])
    write_set(tmp_path, pool, SCHEMA, {**ATTRS, "units": {"theta.H0": "km/s/Mpc"}})
    read = read_set(tmp_path)
    assert set(read.columns) == {"H", "z", "error", "theta.H0", "theta.bao.shift"}
    assert np.array_equal(theta_of(read.columns, ["bao.shift", "H0"]), theta[:, ::-1])
    assert read.attrs["units"]["theta.H0"] == read.attrs["units"]["H"] == "km/s/Mpc"


def test_appending_adds_shards_and_leaves_the_old_ones_alone(tmp_path):
    old = write_set(tmp_path, rows(), SCHEMA, ATTRS)
    before = tree(old.shards[0].path)
    new = append_set(tmp_path, rows(5, seed=1), SCHEMA)
    assert new.n == 15 and new.shards[:1] == old.shards and tree(old.shards[0].path) == before
    assert np.array_equal(
        read_set(tmp_path).columns["H"], np.concatenate([rows()["H"], rows(5, seed=1)["H"]])
    )


def test_appending_the_same_rows_again_adds_nothing(tmp_path):
    once = write_set(tmp_path, rows(), SCHEMA, ATTRS)
    assert append_set(tmp_path, rows(), SCHEMA).shards == once.shards


def test_rewriting_a_set_leaves_what_writing_it_afresh_would(tmp_path):
    write_set(tmp_path / "a", rows(seed=1), SCHEMA, ATTRS, shard_rows=3)
    write_set(tmp_path / "a", rows(), SCHEMA, ATTRS)
    write_set(tmp_path / "b", rows(), SCHEMA, ATTRS)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


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


def test_writers_of_one_folder_take_turns_and_lose_nothing(tmp_path):
    script = subprocess.run(
        [sys.executable, "-c", TURNS, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert script.stdout == "True\n"
    assert sorted(read_set(tmp_path).columns["x"]) == [
        0.0,
        *(10.0 * writer + i for writer in (1, 2, 3) for i in range(5)),
    ]
