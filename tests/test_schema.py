"""Fields with a shape and a dtype: what is refused, by name and place; what is stored; one digest for any byte order."""

import json
from pathlib import Path

import numpy as np
import pytest

from addend import shards
from addend.errors import (
    AddendError,
    BadField,
    MaskedOut,
    MissingColumn,
    NegativeError,
    NotFinite,
    UnfitManifest,
)
from addend.field import Field
from addend.manifest import SchemaPart, require_fit
from addend.schema import Schema
from addend.settings.sections import section
from addend.shard import write_shard

FIXTURE = Path(__file__).parent / "fixtures" / "encoder-format-3"
SCHEMA = Schema(
    (
        Field("map", "1", "field", shape=(4, 3), dtype="float32", mask="seen"),
        Field("strain", "1", "series", shape=(2, 8)),
        Field("n", "1", "how many", dtype="int64", kind="count"),
        Field("kind", "1", "which", dtype="int64", kind="category", categories=3),
    ),
    (Field("seen", "1", "1 where seen", shape=(4, 3), dtype="float32"), Field("z", "1", "redshift", positive=True),
     Field("sd", "1", "a small number", positive=True, dtype="float32")),
)  # fmt: skip


def rows(n=5):
    rng = np.random.default_rng(1)
    return {
        "map": rng.standard_normal((n, 4, 3)).astype(np.float32), "strain": rng.standard_normal((n, 2, 8)),
        "n": rng.integers(0, 9, n), "kind": rng.integers(0, 3, n), "seen": np.ones((n, 4, 3), np.float32),
        "z": rng.uniform(0.1, 1, n), "sd": np.full(n, 0.1, np.float32),
    }  # fmt: skip


def changed(name, at, value):
    columns = rows()
    columns[name] = columns[name].astype(np.float64)
    columns[name][at] = value
    return columns


def hidden():
    columns = rows()
    columns["seen"][2] = 0
    return columns


BAD = {
    "another size": ({**rows(), "map": np.zeros((5, 4, 4))}, BadField, r"\(4, 4\), expected \(4, 3\)"),
    "a detector too few": ({**rows(), "strain": np.zeros((5, 1, 8))}, BadField, r"\(1, 8\), expected \(2, 8\)"),
    "rows too few": ({**rows(), "z": np.ones(4)}, BadField, "'z' has entries of shape"),
    "no column": ({k: v for k, v in rows().items() if k != "strain"}, MissingColumn, "'strain'"),
    "a NaN in a map": (changed("map", (3, 1, 2), np.nan), NotFinite, "not a finite number in row 4 at 1, 2"),
    "a large number in a series": (changed("strain", (0, 1, 7), 1e200), NotFinite, "1e.200.* in row 1 at 1, 7"),
    "half a count": (changed("n", 2, 1.5), BadField, "1.5 in row 3"),
    "a count below zero": (changed("n", 1, -1), BadField, "-1 in row 2"),
    "a category too many": (changed("kind", 4, 3), BadField, "whole numbers from 0 to 2"),
    "a mask in between": (changed("seen", (0, 0, 0), 0.5), MaskedOut, "holds 0.5"),
    "a mask that hides all": (hidden(), MaskedOut, "hides all of 'map' in row 3"),
    "a redshift of zero": (changed("z", 3, 0), NegativeError, "found 0 in row 4"),
    "more than a float32 holds": (changed("map", (1, 2, 0), 1e50), NotFinite, "1e.50, beyond 3.4.* in row 2 at 2, 0"),
    "a count beyond what is whole in a float": (changed("n", 3, 1e30), NotFinite, "'n' is 1e.30, beyond 9.00.*e.15"),
    "a count beyond int64": ({**rows(), "n": np.full(5, 2**63, np.uint64)}, NotFinite, "9.22.*e.18, beyond"),
    "an error that a float32 makes zero": (changed("sd", 4, 1e-60), NegativeError, "must be positive, found 1e-60 in row 5"),
    "text": ({**rows(), "z": np.array(list("abcde"))}, NotFinite, "holds <U1"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_an_entry_that_is_none_is_named_with_its_row_and_place(what, tmp_path):
    columns, error, said = BAD[what]
    with pytest.raises(error, match=said):
        SCHEMA.check(columns)
    with pytest.raises(AddendError):
        shards.write_set(tmp_path / "set", columns, SCHEMA, {})
    assert not list(tmp_path.rglob("*.zarr")) and not (tmp_path / "set" / "set.json").exists()


@pytest.mark.parametrize(
    "wrong",
    [{"dtype": "float16"}, {"kind": "counts"}, {"kind": "count"}, {"dtype": "int64"}, {"shape": (3, 0)},
     {"kind": "category", "dtype": "int64"}, {"categories": 3}],
)  # fmt: skip
def test_a_field_that_no_entry_fits_is_refused(wrong):
    with pytest.raises(BadField):
        Field("x", "1", "", **wrong)


@pytest.mark.parametrize("covariate", ["unseen", "seen"])
def test_a_mask_that_is_no_covariate_of_its_shape_is_refused(covariate):
    with pytest.raises(BadField, match="the mask 'seen' of 'map' is no covariate of shape"):
        Schema(
            (Field("map", "1", "", shape=(4, 3), mask="seen"),),
            (Field(covariate, "1", "", shape=(4,)),),
        )


def test_fields_lie_one_after_another_in_a_row_and_are_found_again():
    columns, places = rows(), SCHEMA.slices()
    x, c = SCHEMA.x(columns), SCHEMA.c(columns)
    assert x.shape == (5, SCHEMA.x_size) == (5, 30) and c.shape == (5, SCHEMA.c_size) == (5, 14)
    for f in SCHEMA.fields:
        at, shape = places[f.name]
        part = (x if f in SCHEMA.observables else c)[:, at].reshape(5, *shape)
        assert np.array_equal(part, columns[f.name])
    assert x.dtype == np.float64
    assert Schema(SCHEMA.observables[:1], SCHEMA.covariates).x(columns).dtype == np.float32


def test_a_field_is_stored_as_it_says_and_reads_back_to_the_bit(tmp_path):
    columns = rows()
    shards.write_set(tmp_path / "set", columns, SCHEMA, {})
    read = shards.read_set(tmp_path / "set").columns
    for f in SCHEMA.fields:
        assert read[f.name].dtype == np.dtype(f.dtype) and np.array_equal(
            read[f.name], columns[f.name]
        )


@pytest.mark.parametrize("kind", ["f4", "f8", "i8"])
def test_bytes_in_any_order_have_one_digest_and_other_dtypes_others(tmp_path, kind):
    values = np.arange(6)
    digests = {
        write_shard(tmp_path, {"x": values.astype(order + kind)}, {}).digest for order in "<>="
    }
    assert len(digests) == 1
    assert {
        write_shard(tmp_path, {"x": values.astype(k)}, {}).digest for k in ("f4", "f8", "i8")
    } > digests


def test_json_says_it_all_and_plain_numbers_say_no_more_than_they_did():
    assert Schema.from_dict(SCHEMA.as_dict()) == SCHEMA
    section(SchemaPart, SCHEMA.as_dict(), "the schema")
    plain = Field("y", "1", "value").as_dict()
    assert set(plain) == {"name", "unit", "meaning", "positive", "noise", "error", "present"}


def test_a_manifest_with_a_field_that_cannot_be_is_refused():
    found = json.loads((FIXTURE / "manifest.json").read_text())
    require_fit(found, "it")
    found["schema"]["observables"][0] |= {"kind": "category", "dtype": "int64"}
    with pytest.raises(UnfitManifest, match="category of int64"):
        require_fit(found, "it")
