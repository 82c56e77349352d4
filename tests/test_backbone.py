"""The contract of an f_m: whatever makes it, it states what it is, is held to that, and takes one road."""

import contextlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from addend_toy.line import Toy
from conftest import SETTINGS
from torch import nn

from addend import places, shards
from addend.encoder import Encoder
from addend.errors import BadSetting, UnboundedDensity, UnfitBackbone, UnfitHead
from addend.modality import find
from addend.pools import theta_of
from addend.pretrain import Backbone, standardise
from addend.stages import finetune, pretrain, simulate

HERE = Path(__file__).resolve().parent.parent


class Linear(nn.Module):
    """z = 2 y + 1, e = (t, log y_err); log|det| = log 2, or None."""

    def __init__(self, counted: bool = True, scale: float = 2.0):
        super().__init__()
        self.counted = counted
        self.scale = nn.Parameter(torch.tensor(scale, dtype=torch.float64))

    def forward(self, x, c):
        e = torch.stack([c[:, 0], torch.log(c[:, 1])], dim=1)
        log_det = torch.log(self.scale) + 0 * x[:, 0] if self.counted else None
        return self.scale * x + 1, e, log_det


class Squared(nn.Module):
    """z = y^2: the sign is lost."""

    def forward(self, x, c):
        return x**2, 1 * c, None


def frozen(module):
    return module.requires_grad_(False)


KINDS = {
    "invertible": Backbone(frozen(Linear()), 1, 2, log_det=True, invertible=True),
    "not invertible": Backbone(frozen(Squared()), 1, 2, log_det=False, invertible=False),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A toy with simulations, and no encoder yet."""
    root = tmp_path_factory.mktemp("project")
    shutil.copy(HERE / "parameters.yaml", root)
    folder = root / "modalities" / "toy"
    folder.mkdir(parents=True)
    shutil.copy(HERE / "modalities" / "toy" / "parameters.yaml", folder)
    (folder / "params.yaml").write_text(yaml.safe_dump(SETTINGS))
    torch.set_num_threads(1)
    with contextlib.chdir(root):
        simulate.simulate("toy")
    return root


@pytest.fixture
def here(root, monkeypatch):
    monkeypatch.chdir(root)
    return root


def trained(monkeypatch, backbone: Backbone) -> Encoder:
    """The toy's encoder on a backbone of its own."""
    monkeypatch.setattr(Toy, "backbone", lambda self: backbone)
    pretrain.pretrain("toy")
    finetune.finetune("toy")
    return Encoder.load(places.encoder("toy", "head"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_modality_s_own_backbone_takes_the_road_of_every_other(here, monkeypatch, kind):
    backbone = KINDS[kind]
    encoder = trained(monkeypatch, backbone)
    assert encoder.manifest.items() >= backbone.facts().items()
    columns = shards.read_set(places.pool("toy", "audit")).columns
    theta = torch.from_numpy(theta_of(columns, encoder.space.names))
    z, _, log_det = backbone.module(
        *(torch.from_numpy(a) for a in (Toy.schema.x(columns), Toy.schema.c(columns)))
    )
    torch.testing.assert_close(encoder.embed(columns)[0], z.detach(), rtol=1e-14, atol=0)
    psi, log_score = encoder.pairs(columns, theta), encoder.log_score(columns, theta)
    expected = psi if log_det is None else psi + np.log(2)
    torch.testing.assert_close(log_score, expected, rtol=1e-12, atol=1e-12)


def test_what_the_manifest_says_of_f_m_is_what_its_backbone_states(here):
    pretrain.pretrain("toy")
    layout = json.loads((places.encoder("toy", "backbone") / "layout.json").read_text())
    columns = shards.read_set(places.pool("toy", "train")).columns
    backbone = standardise(Toy.schema, columns)
    assert (
        layout["backbone"]
        == backbone.facts()
        == {"z": 1, "e": 2, "log_det": True, "invertible": True}
    )
    assert {k: layout[k] for k in backbone.read_as()} == backbone.read_as()


def test_an_objective_that_nobody_wrote_is_refused(here):
    settings = here / "modalities" / "toy" / "params.yaml"
    said = settings.read_text()
    settings.write_text(said.replace("standardise", "standardize"))
    with pytest.raises(BadSetting, match="'standardize', expected standardise"):
        pretrain.pretrain("toy")
    settings.write_text(said)


class Centred(Linear):
    def forward(self, x, c):
        z, e, log_det = super().forward(x - x.mean(0), c)
        return z, e, log_det


BAD = {
    "trainable and lossy": (UnboundedDensity, "no minimum", Backbone(nn.Module(), 1, 2, False, False)),
    "trainable without its log|det|": (UnboundedDensity, "no minimum", Backbone(Linear(False), 1, 2, False, True)),
    "one that centres its batch": (UnfitHead, "fixed statistics", Backbone(frozen(Centred()), 1, 2, True, True)),
    "another z": (UnfitBackbone, "z, e and log", Backbone(frozen(Linear()), 2, 2, True, True)),
    "a log|det| that is not given": (UnfitBackbone, "log", Backbone(frozen(Linear(False)), 1, 2, True, True)),
    "a layout of another e": (
        UnfitBackbone, "layout",
        Backbone(frozen(Linear()), 1, 2, True, True, {"observables": [{}], "covariates": 1, "location": [0]}),
    ),
}  # fmt: skip
BAD["trainable and lossy"][2].module.register_parameter("a", nn.Parameter(torch.ones(1)))


@pytest.mark.parametrize("case", BAD)
def test_an_f_m_that_no_sum_may_rest_on_is_refused_before_it_is_exported(here, monkeypatch, case):
    mistake, words, backbone = BAD[case]
    before = (places.encoder("toy", "backbone") / "layout.json").read_bytes()
    monkeypatch.setattr(Toy, "backbone", lambda self: backbone)
    with pytest.raises(mistake, match=words):
        pretrain.pretrain("toy")
    assert (places.encoder("toy", "backbone") / "layout.json").read_bytes() == before


def test_a_log_det_that_is_not_that_of_the_jacobian_is_refused():
    class Wrong(Linear):
        def forward(self, x, c):
            z, e, log_det = super().forward(x, c)
            return z, e, log_det + 0.1

    columns = find("toy").covariates(20, np.random.default_rng(0))
    x, c = torch.ones(20, 1).double(), torch.from_numpy(Toy.schema.c(columns))
    Backbone(Linear(), 1, 2, True, True).require_fit(x, c)
    with pytest.raises(UnfitBackbone, match=r"0\.1 nats"):
        Backbone(Wrong(), 1, 2, True, True).require_fit(x, c)
