"""Observations whose theta nobody knows teach f_m, beside simulations, and never g_m."""

import json
from pathlib import Path

import learning
import numpy as np
import pytest
import torch

from addend import places, shards
from addend.errors import BadSetting, NoObservations
from addend.stages import pretrain
from addend.streams import Stream
from addend.testing import maps


@pytest.fixture
def root(tmp_path, monkeypatch, one_thread):
    """A project of maps with its simulations."""
    return learning.project(tmp_path, monkeypatch)


def observed(name: str, n: int) -> None:
    """n maps whose theta nobody is told, as a set."""
    rng = np.random.default_rng(9)
    covariates = maps.Maps().covariates(n, rng)
    drawn = maps.Maps().simulate(np.tile([0.5, -1.5], (n, 1)), covariates, rng)
    facts = {"modality": "toy", "set": name, "mock": True}
    folder = places.observations("toy", name)
    shards.write_set(folder, {**drawn, **covariates}, maps.Maps().schema, facts, shard_rows=200)


def lay_settings(root: Path, **pretrain) -> None:
    stated = {"backbone": "convolution2d", "width": 8, "z": 3, "steps": 40, "batch": 64, **pretrain}
    text = {**learning.SETTINGS, "pretrain": stated}
    (root / "modalities" / "toy" / "params.yaml").write_text(json.dumps(text))


def test_observations_teach_f_m_and_that_is_stated(root):
    """450 of them in shards of 200 and one of 50, fewer than a batch; f_m is another than without them."""
    observed("sky", 450)
    files = []
    for sets in ([], ["sky"]):
        lay_settings(root, objective="autoencoder", **({"unlabelled": sets} if sets else {}))
        pretrain.pretrain("toy")
        folder = places.encoder("toy", "backbone")
        files.append((folder / "backbone.safetensors").read_bytes())
    layout = json.loads((folder / "layout.json").read_text())
    digest = shards.open_set(places.observations("toy", "sky")).digest
    assert layout["pretrained"] == {"objective": "autoencoder", "unlabelled": {"sky": digest}}
    assert files[0] != files[1] and layout["taught"] == 1536


def test_every_row_of_every_set_is_met_once_an_epoch(root):
    observed("sky", 450)
    sets = (shards.open_set(places.observations("toy", "sky")),)
    pool = shards.open_set(places.pool("toy", "train"))
    stream = Stream(pool, maps.Maps(), None, 1536, sets)
    per_epoch = sum(n // min(n, 64) for n in stream.taught)
    batches = stream.batches(64, 1)
    met = torch.cat([next(batches)[0] for _ in range(per_epoch)])
    assert len(met.unique(dim=0)) == len(met) and len(met) > 0.85 * sum(stream.taught)
    assert min(stream.taught) < 64 and stream.held()[2].shape[1] == 0


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"objective": "supervised_mean", "unlabelled": ["sky"]}, BadSetting, "learns from theta"),
        (
            {"objective": "masked", "unlabelled": ["ocean"]},
            NoObservations,
            "no observations in .*ocean",
        ),
        ({"objective": "masked", "unlabelled": []}, BadSetting, "a list of sets"),
    ],
)
def test_sets_that_cannot_teach_are_refused(root, change, error, said):
    observed("sky", 450)
    lay_settings(root, **change)
    with pytest.raises(error, match=said):
        pretrain.pretrain("toy")
    assert not places.encoder("toy", "backbone").exists()
