"""Observations that no table can hold come in as arrays: npz or Zarr, in any byte order, and never as objects."""

import json

import numpy as np
import pytest
import zarr

from addend import modality, shards
from addend.doors.ingest import ingest
from addend.errors import AddendError, BadField, BadSetting, BadTable, EmptyTable, MissingColumn
from addend.parameters import read_agreement
from addend.testing import maps
from addend.testing.modality import check_modality

N = 6


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A project of maps."""
    monkeypatch.setattr(modality, "installed", lambda: {"toy": maps.Maps()})
    maps.lay_out(tmp_path, {})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def drawn(**changes):
    rng = np.random.default_rng(3)
    theta = np.tile([0.5, -1.5], (N, 1))
    return maps.Maps().simulate(theta, {}, rng) | {"epoch": np.arange(float(N))} | changes


def test_the_maps_keep_the_contract(root):
    check_modality(maps.Maps(), read_agreement(root))


def test_every_order_of_bytes_and_both_kinds_of_file_are_one_set(root):
    digests = set()
    for order in "<>":
        columns = {
            name: values.astype(values.dtype.newbyteorder(order))
            for name, values in drawn().items()
        }
        np.savez(root / f"o{ord(order)}.npz", **columns)
        digests.add(ingest("toy", root / f"o{ord(order)}.npz", "mine").digest)
    group = zarr.create_group(root / "maps.zarr")
    for name, values in drawn().items():
        group.create_array(name, data=values)
    digests.add(ingest("toy", root / "maps.zarr", "mine").digest)
    assert len(digests) == 1
    stored = shards.read_set(root / "data/observations/toy/mine").columns["map"]
    assert stored.dtype == np.float32 and np.array_equal(stored, drawn()["map"])


@pytest.mark.parametrize(
    ("columns", "error", "said"),
    [
        (drawn(map=np.zeros((N, 8, 8))), BadField, r"shape \(8, 8\), expected \(16, 16\)"),
        (
            drawn(map=np.full((N, 16, 16), np.nan)),
            AddendError,
            "not a finite number in row 1 at 0, 0",
        ),
        ({"map": drawn()["map"]}, MissingColumn, "'epoch'"),
        (drawn(epoch=np.arange(3.0)), BadTable, "differ in length"),
        (drawn(epoch=np.array([{}] * N)), BadTable, "no file of plain arrays"),
        (drawn(epoch=np.array(list("abcdef"))), BadTable, "no file of plain arrays"),
        ({k: v[:0] for k, v in drawn().items()}, EmptyTable, "no rows"),
    ],
)
def test_arrays_that_are_no_observations_are_refused_and_nothing_is_written(
    root, columns, error, said
):
    np.savez(root / "mine.npz", **columns)
    with pytest.raises(error, match=said):
        ingest("toy", root / "mine.npz", "mine")
    assert not (root / "data" / "observations").exists()


def test_what_is_no_file_of_arrays_is_said(root):
    (root / "bad.npz").write_bytes(b"not an archive")
    (root / "empty").mkdir()
    (root / "empty" / "zarr.json").write_text(json.dumps({"zarr_format": 9}))
    for name, error in (("bad.npz", BadTable), ("empty", BadTable), ("absent.npz", BadSetting)):
        with pytest.raises(error):
            ingest("toy", root / name, "mine")
