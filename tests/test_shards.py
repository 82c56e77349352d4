"""Shards: what is written is what is read, under one name, however it is split and added to."""

import numpy as np
import pytest
import xarray
from expansion import ATTRS, SCHEMA, rows, same
from folders import tree

from addend.pools import theta_of, with_theta
from addend.shards import (
    append_set,
    read_set,
    read_shard,
    write_set,
    write_shard,
)


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
