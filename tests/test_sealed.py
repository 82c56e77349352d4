"""What is read is what was written: folders, files, embeddings and lists that state their own digests."""

import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
from refusals import changed, tree

from addend import embeddings, evaluated, places, sealed, shards
from addend.errors import NotMade, TamperedArtifact, TamperedFile
from addend.modality import Field, Schema
from addend.stages import evaluate, gather, resolve

SCHEMA = Schema((Field("x", "1", "a number"),))
MADE = embeddings.Made("a" * 64, "b" * 64, 2)


@pytest.fixture
def folder(tmp_path):
    """A sealed folder of two files."""
    with sealed.sealed_folder(tmp_path / "fit") as new:
        (new / "inner").mkdir()
        (new / "answer.json").write_text('{"S": 1.5}\n')
        (new / "inner" / "curve").write_bytes(b"\0\1\2")
    return tmp_path / "fit"


def test_what_was_sealed_is_read(folder):
    assert sealed.require_sealed(folder, "fuse@real") == folder
    assert set(sealed.digests(folder)) == {"answer.json", "inner/curve"}


def test_every_byte_of_a_sealed_folder_matters(folder):
    tried = 0
    for path in [p for p in folder.rglob("*") if p.is_file()]:
        content = path.read_bytes()
        for at in range(len(content)):
            other = bytes([*content[:at], content[at] ^ 1, *content[at + 1 :]])
            with changed(path, other), pytest.raises(TamperedFile, match="repro -f -s fuse@real"):
                sealed.require_sealed(folder, "fuse@real")
            tried += 1
    assert tried > 100


@pytest.mark.parametrize("what", ["is missing", "was added", "has sha256", "has no sealed.json"])
def test_the_file_that_is_not_what_it_was_is_named(folder, what):
    changes = {
        "is missing": lambda: (folder / "inner" / "curve").unlink(),
        "was added": lambda: (folder / "another").write_text(""),
        "has sha256": lambda: (folder / "answer.json").write_text('{"S": 2.5}\n'),
        "has no sealed.json": lambda: (folder / sealed.SEAL).unlink(),
    }
    changes[what]()
    with pytest.raises(TamperedFile, match=what):
        sealed.require_sealed(folder, "fuse@real")


def test_a_folder_that_nobody_made_names_the_stage_that_makes_it(tmp_path):
    with pytest.raises(NotMade, match="run 'dvc repro fuse@real'"):
        sealed.require_sealed(tmp_path / "fit", "fuse@real")


def test_equal_content_is_sealed_to_equal_bytes(folder, tmp_path):
    with sealed.sealed_folder(tmp_path / "again") as new:
        for name, content in reversed(tree_of(folder).items()):
            (new / name).parent.mkdir(exist_ok=True)
            (new / name).write_bytes(content)
    assert tree(tmp_path / "again") == tree(folder)


def tree_of(folder):
    """The files that were sealed."""
    return {name: (folder / name).read_bytes() for name in sealed.digests(folder)}


def test_every_byte_of_a_sealed_file_matters(tmp_path):
    path, content = tmp_path / "pins.json", {"toy": {"dropped": None, "digest": "ab"}, "n": 3}
    sealed.write_json(path, content)
    assert sealed.read_json(path, "resolve@real") == content
    text = path.read_bytes()
    for at in range(len(text)):
        other = bytes([*text[:at], text[at] ^ 1, *text[at + 1 :]])
        with changed(path, other), pytest.raises(TamperedFile, match="resolve@real"):
            sealed.read_json(path, "resolve@real")


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"a": NaN}', '[{"b": -Infinity}]'])
def test_json_with_a_key_twice_or_without_a_number_is_refused(text):
    with pytest.raises(ValueError, match=r"stands twice|no number"):
        sealed.strict(text)


def embedded(path):
    """An embedding of two rows."""
    z = torch.arange(4, dtype=torch.float64).reshape(2, 2)
    embeddings.write(path, MADE, z, z[:, :1])
    return z


def test_an_embedding_reads_back_and_every_byte_of_it_matters(tmp_path):
    path = tmp_path / "z.safetensors"
    assert torch.equal(embedded(path), embeddings.read(path, MADE)["z"])
    content = path.read_bytes()
    for at in range(len(content)):
        other = bytes([*content[:at], content[at] ^ 1, *content[at + 1 :]])
        with changed(path, other):
            try:
                read = embeddings.read(path, MADE)
            except TamperedFile:
                continue
            assert torch.equal(read["z"], torch.arange(4.0).double().reshape(2, 2))


@pytest.mark.parametrize(
    "other", [("c" * 64, "b" * 64, 2), ("a" * 64, "c" * 64, 2), ("a" * 64, "b" * 64, 3)]
)
def test_an_embedding_of_another_encoder_shard_or_number_of_rows_is_refused(tmp_path, other):
    embedded(tmp_path / "z.safetensors")
    with pytest.raises(TamperedFile):
        embeddings.read(tmp_path / "z.safetensors", embeddings.Made(*other))


def listed(folder, change):
    """A set of two shards whose list was changed, its own sha256 with it."""
    shards.write_set(folder, {"x": np.arange(4.0)}, SCHEMA, {}, shard_rows=2)
    content = json.loads((folder / shards.MANIFEST).read_text())
    change(content)
    if "sha256" in content:
        both = json.dumps([content["attrs"], content["shards"]], sort_keys=True)
        content["sha256"] = hashlib.sha256(both.encode()).hexdigest()
    (folder / shards.MANIFEST).write_text(json.dumps(content))


CHANGES = {
    "a shard twice": lambda c: c["shards"].append(c["shards"][0]),
    "other counts": lambda c: c["shards"][0].update(n=3),
    "a count that is none": lambda c: c["shards"][0].update(n=True),
    "a name that is a path": lambda c: c["shards"][0].update(name="../x.zarr"),
    "an unknown key": lambda c: c.update(more=1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_list_of_shards_that_cannot_have_been_written_is_refused(tmp_path, change):
    listed(tmp_path, CHANGES[change])
    with pytest.raises(TamperedArtifact):
        shards.read_set(tmp_path)


def test_a_shard_taken_off_the_list_is_missed(tmp_path):
    shards.write_set(tmp_path, {"x": np.arange(4.0)}, SCHEMA, {}, shard_rows=2)
    content = json.loads((tmp_path / shards.MANIFEST).read_text())
    content["shards"].pop()
    (tmp_path / shards.MANIFEST).write_text(json.dumps(content))
    with pytest.raises(TamperedArtifact, match="own sha256"):
        shards.open_set(tmp_path)


def test_a_set_of_an_older_core_whose_list_states_no_sha256_is_read(tmp_path):
    listed(tmp_path, lambda c: c.pop("sha256"))
    assert shards.read_set(tmp_path).n == 4


@pytest.fixture
def evaluated_fusion(project):
    """The small project with the terms of its fusion `alone`, put back afterwards."""
    for stage in (gather.gather, resolve.resolve, evaluate.evaluate):
        stage("alone")
    yield "alone"
    shutil.rmtree(places.fusion("alone", "terms").parent)


EDITS = {
    "the manifest": ("toy/encoder/manifest.json", b'"title"', b'"titlf"'),
    "an embedding": ("toy/embedded.safetensors", b"", b"\0"),
    "the facts": ("terms.json", b'"weight": null', b'"weight": 2.0'),
}


@pytest.mark.parametrize("verb", ["fuse", "calibrate-fusion", "influence"])
@pytest.mark.parametrize("what", EDITS)
def test_what_evaluate_left_is_not_used_once_edited(refuses, evaluated_fusion, what, verb):
    name, old, new = EDITS[what]
    path = places.fusion("alone", "terms") / name
    content = path.read_bytes()
    edited = content.replace(old, new, 1) if old else content[:-1] + new
    assert edited != content or not old
    with changed(path, edited if edited != content else content[:-1] + b"\1"):
        refuses(TamperedFile, "dvc repro -f -s evaluate@alone", verb, "alone")


def test_rows_of_the_terms_are_those_of_the_observations(evaluated_fusion):
    folder = places.fusion("alone", "terms")
    facts = json.loads((folder / evaluated.TERMS).read_text())
    facts["toy"]["n"] += 1
    (folder / evaluated.TERMS).write_text(json.dumps(facts))
    sealed.seal(folder)
    with pytest.raises(TamperedFile, match="rows of z and e"):
        evaluated.read_terms("alone")


def test_observations_taken_from_what_was_gathered_are_missed(refuses, evaluated_fusion):
    gathered = places.fusion("alone", "observations")
    moved = (gathered / "toy").rename(gathered.parent / "toy")
    try:
        refuses(TamperedFile, "gather@alone", "evaluate", "alone")
    finally:
        moved.rename(gathered / "toy")


def test_a_wrong_embedding_is_not_believed(refuses, evaluated_fusion):
    (path, *_) = (places.ROOT / "data" / "embeddings" / "toy").glob("*.safetensors")
    with changed(path, path.read_bytes()[:-1] + b"\7"):
        refuses(TamperedFile, "remove it", "evaluate", "alone")
