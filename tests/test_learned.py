"""f_m that learns: the road from maps to a registered encoder, what it keeps, and a training that is killed."""

import json
from pathlib import Path

import learning
import numpy as np
import pytest
import torch

from addend import modality, places, settings, shards
from addend.backbones import BACKBONES
from addend.devices import device
from addend.errors import BadSetting, NoFeatures, UnfitBackbone, UnfitHead, UnfitProgram
from addend.modality import Field, Schema
from addend.parameters import read_agreement
from addend.pretrain import LEARNED, Inputs, frozen, making
from addend.pretrain.learned import whitening
from addend.program import load
from addend.program.tracing import export
from addend.settings import Pretrain
from addend.stages import pretrain, simulate
from addend.streams import Stream
from addend.testing import maps

TESTS = Path(__file__).parent
SCHEMAS = {
    "mlp": Schema((Field("v", "1", "", shape=(7,)), Field("y", "1", "")), (Field("t", "1", ""),)),
    "convolution1d": Schema((Field("s", "1", "", shape=(2, 32), dtype="float32"),)),
    "convolution2d": Schema((Field("m", "1", "", shape=(16, 16), dtype="float32"),)),
    "deep_set": Schema((Field("l", "1", "", shape=(9, 2)),), (Field("t", "1", ""),)),
}


@pytest.fixture(autouse=True)
def installed(monkeypatch, one_thread):
    """The maps are the only modality."""
    monkeypatch.setattr(modality, "installed", lambda: {"toy": maps.Maps()})


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A project of maps with its simulations."""
    return learning.project(tmp_path, monkeypatch)


def rows(schema, n=40):
    generator = torch.Generator().manual_seed(2)
    return (torch.randn(n, size, generator=generator) for size in (schema.x_size, schema.c_size))


def columns(schema, n=40):
    rng = np.random.default_rng(3)
    return {f.name: rng.standard_normal((n, *f.shape)).astype(f.dtype) for f in schema.fields}


class Seen(maps.Maps):
    """Observations of another schema, to which it is all one where they begin."""

    def __init__(self, schema):
        self.schema = schema

    def augment(self, x, c, generator):
        return x.roll(1, dims=1)


OBJECTIVES = sorted(set(LEARNED) - {"none"})


def learning_of(kind, objective):
    """A network `kind` under an objective, with a batch: what trains, and `(x, c)`."""
    schema = SCHEMAS[kind]
    torch.manual_seed(1)
    trained = LEARNED[objective].of(Seen(schema), BACKBONES[kind](schema, 12), 2, Pretrain(z=3))
    return trained, *rows(schema)


@pytest.mark.parametrize("kind", BACKBONES)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_reaches_every_weight_of_every_network(kind, objective):
    trained, x, c = learning_of(kind, objective)
    phi = torch.randn(len(x), 2, generator=torch.Generator().manual_seed(4))
    trained.loss(x, c, phi, torch.Generator().manual_seed(5)).backward()
    for name, weight in trained.named_parameters():
        assert weight.grad is not None and weight.grad.isfinite().all(), name


# what an objective hands on is the same part of every network, so that each is traced once
@pytest.mark.parametrize(
    ("kind", "objective"),
    [*((kind, "supervised_mean") for kind in BACKBONES), *(("mlp", other) for other in OBJECTIVES)],
)
def test_what_is_made_is_a_program(kind, objective, tmp_path):
    schema, (trained, x, c) = SCHEMAS[kind], learning_of(kind, objective)
    backbone = frozen(
        schema, Inputs(schema, columns(schema)), trained, trained.features(x, c).detach()
    )
    backbone.require_fit(x, c)
    assert not backbone.invertible and not backbone.log_det
    export(backbone.module, tmp_path / "f", x[:8], c[:8])
    program = load(tmp_path / "f")
    for n in (1, 2, 7, 40):
        for made, expected in zip(
            program(x[:n], c[:n]), backbone.module(x[:n], c[:n]), strict=True
        ):
            torch.testing.assert_close(made, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", BACKBONES)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_nothing_is_left_on_another_device(kind, objective):
    """On torch's meta device whatever is made on the CPU meets what is not, and torch refuses."""
    schema = SCHEMAS[kind]
    trained = (
        LEARNED[objective]
        .of(Seen(schema), BACKBONES[kind](schema, 12), 2, Pretrain(z=3))
        .to("meta")
    )
    inputs = Inputs(schema, columns(schema)).to("meta")
    x, c = (torch.empty(8, n, device="meta") for n in (schema.x_size, schema.c_size))
    loss = trained.loss(*inputs(x, c), torch.empty(8, 2, device="meta"), torch.Generator())
    assert loss.device.type == "meta" and loss.shape == ()


def test_a_device_that_is_not_there_is_refused():
    assert device("cpu", "x") == "cpu" and device("auto", "x") in ("cpu", "cuda")
    if not torch.cuda.is_available():
        with pytest.raises(BadSetting, match=r"finetune\.device is cuda, and no such device"):
            device("cuda", "finetune.device")


@pytest.mark.parametrize(
    ("kind", "other"), [("convolution1d", "mlp"), ("convolution2d", "mlp"), ("deep_set", "cube")]
)
def test_a_network_of_other_observations_is_refused(kind, other):
    cube = Schema((Field("q", "1", "", shape=(4, 4, 4)),))
    flat = Schema((Field("y", "1", ""),))
    with pytest.raises(UnfitBackbone, match="has shape"):
        BACKBONES[kind]({"mlp": flat, "cube": cube}[other], 8)


def test_directions_that_are_flat_are_dropped_and_features_that_are_constant_refused():
    rng = np.random.default_rng(6)
    f = rng.standard_normal((500, 3)) @ np.array([[1.0, 2, 3, 0], [0, 1, 1, 0], [4, 0, 4, 0]])
    mean, w = whitening(f)
    assert w.shape == (4, 2)
    np.testing.assert_allclose(np.cov(((f - mean.numpy()) @ w.numpy()).T), np.eye(2), atol=1e-9)
    with pytest.raises(NoFeatures):
        whitening(np.ones((50, 3)))


def test_a_batch_dependent_network_is_refused(root):
    class Coupled(torch.nn.Module):
        width = 4

        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(256, 4)

        def forward(self, x, c):
            made = self.layer(x)
            return made - made.mean(0)

    class Own(maps.Maps):
        def architecture(self):
            return Coupled()

    modality.installed = lambda: {"toy": Own()}
    with pytest.raises(UnfitHead, match="in a batch of"):
        pretrain.pretrain("toy")
    assert not places.encoder("toy", "backbone").exists()


def test_a_network_that_is_no_program_is_refused_before_it_is_trained(root, monkeypatch):
    class Fourier(torch.nn.Module):
        width = 129

        def forward(self, x, c):
            return torch.fft.rfft(x).real

    class Own(maps.Maps):
        def architecture(self):
            return Fourier()

    modality.installed = lambda: {"toy": Own()}
    monkeypatch.setattr(making, "learn", lambda *a: pytest.fail("it was trained"))
    with pytest.raises(UnfitProgram, match="fft"):
        pretrain.pretrain("toy")
    assert not places.encoder("toy", "backbone").exists()


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"backbone": None}, BadSetting, "brings no network of its own"),
        ({"objective": "standardise"}, BadSetting, "means nothing beside 'standardise'"),
        ({"objective": "vicreg"}, BadSetting, "no symmetry"),
        ({"objective": "infonce"}, BadSetting, "no symmetry"),
    ],
)
def test_settings_that_fit_no_map_are_refused(root, change, error, said):
    asked = learning.SETTINGS["pretrain"] | change
    text = {**learning.SETTINGS, "pretrain": {k: v for k, v in asked.items() if v is not None}}
    (root / "modalities" / "toy" / "params.yaml").write_text(json.dumps(text))
    with pytest.raises(error, match=said):
        pretrain.pretrain("toy")
    assert not places.encoder("toy", "backbone").exists()


def test_a_stream_goes_on_with_the_batch_at_which_it_stopped(root, monkeypatch):
    from addend import schema

    monkeypatch.setattr(schema, "BYTES", 2**20)
    simulate.simulate("toy")
    pool = shards.open_set(places.pool("toy", "train"))
    assert len(pool.shards) > 2
    stream = Stream(pool, maps.Maps(), lambda theta: theta, 2560)
    whole = stream.batches(100, 1)
    first = [next(whole) for _ in range(60)]
    for start in (0, 1, 24, 25, 59):
        again = next(stream.batches(100, 1, start))
        assert all(torch.equal(a, b) for a, b in zip(first[start], again, strict=True))
    per_epoch = sum(n // 100 for n in stream.taught)
    seen = torch.cat([x for x, _, _ in first[:per_epoch]])
    assert len(seen.unique(dim=0)) == len(seen)
    held = stream.held()[0]
    assert not (held[:, None] == seen[None, :, :]).all(-1).any()


def test_f_m_and_g_m_learn_from_other_rows(root):
    asked = settings.modality(root, "toy").pretrain
    assert making.taught(asked, 3072) == 1536 and making.taught(asked, 1000) == 500
    pretrain.pretrain("toy")
    layout = json.loads((places.encoder("toy", "backbone") / "layout.json").read_text())
    assert layout["taught"] == 1536 and len(layout["observables"]) == layout["backbone"]["z"]
    assert read_agreement(root).names == ("amplitude", "slope")


def test_maps_are_not_standardised_and_a_count_alone_has_no_learned_features(root):
    (root / "modalities" / "toy" / "params.yaml").write_text(
        json.dumps({**learning.SETTINGS, "pretrain": {}})
    )
    with pytest.raises(BadSetting, match="more than plain numbers"):
        pretrain.pretrain("toy")
    count = Seen(Schema((Field("n", "1", "", dtype="int64", kind="count"),)))
    with pytest.raises(BadSetting, match="whole numbers alone"):
        making.make(count, Pretrain("supervised_mean", "mlp"), None, {}, None)
