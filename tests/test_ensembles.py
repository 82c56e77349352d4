"""Ensembles of encoders: what the mean of densities is, how one is asked for, and what its members' scatter is worth."""

import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
import yaml
from repeated_lines import SPACE, SPACES, Encoder, laboratory
from torch import nn

from addend import answers, evaluated, places, settings
from addend.calibration.sandwich import sandwich
from addend.encoder import Encoder as Trained
from addend.errors import BadSetting
from addend.fusion.ensembles import members, widened
from addend.fusion.trust import sandwiched
from addend.heads import Ensemble, Flow, Head, Ratio
from addend.maximum import maximise
from addend.registry import Registry
from addend.scalar import Lazy, Scaled, Sum, constraints
from addend.settings import FusionCalibration
from addend.stages import calibrate_fusion, evaluate, finetune, fuse, gather, resolve

OBSERVABLES = [{"link": "identity", "error": None, "present": None}]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def flows(n):
    heads = [Flow(OBSERVABLES, 0, 1, [], hidden=[8], components=2) for _ in range(n)]
    for parameter in (p for head in heads for p in head.parameters()):
        nn.init.normal_(parameter, std=0.3)
    return heads


def test_an_ensemble_is_the_mean_of_its_members_densities():
    heads, (z, phi) = flows(3), (torch.randn(50, 1), 2 * torch.rand(4, 1) - 1)
    mean = torch.stack([head.outer(z, z[:, :0], phi).exp() for head in heads]).mean(0)
    assert torch.allclose(Ensemble(heads).outer(z, z[:, :0], phi).exp(), mean, rtol=1e-5)


def test_its_loss_trains_every_member_as_if_it_were_alone():
    heads, (z, phi) = flows(2), (torch.randn(50, 1), 2 * torch.rand(50, 1) - 1)
    loss = Ensemble(heads).loss(z, z[:, :0], phi)
    assert torch.allclose(loss, torch.stack([head.loss(z, z[:, :0], phi) for head in heads]).mean())


@pytest.mark.parametrize("members", [[], ["ratio"], ["flow", "ratio"]])
def test_members_that_are_no_densities_are_refused(members):
    heads = {"ratio": Ratio(1, 0, 1), "flow": flows(1)[0]}
    with pytest.raises(BadSetting, match="members are densities"):
        Ensemble(heads[m] for m in members)


class Tilted(Head):
    """psi of a line plus a slope in its first parameter: a member whose theta_hat is known."""

    kind, normalised = "tilted", True

    def __init__(self, name, tilt):
        super().__init__()
        self.line = Encoder(name, tilt=tilt)

    def forward(self, z, e, phi):
        return self.line.aligned(z, e, phi)

    def loss(self, z, e, phi, generator=None):
        return -self(z, e, phi).mean()

    def config(self):
        return {}


@dataclass(frozen=True)
class Pooled(Trained):
    """An encoder of a line with an ensemble for a head, or one of its members."""

    @property
    def name(self):
        return self.manifest["name"]

    @property
    def space(self):
        return SPACES[self.name]

    def phi(self, theta):
        return theta

    def embed(self, columns):
        return Encoder(self.name).embed(columns)


TILTS = {"left": (0.02, -0.01, -0.01), "right": (0.03, -0.03)}


def pooled(name):
    shell = Ensemble(flows(len(TILTS[name])))
    shell.members = nn.ModuleList(Tilted(name, tilt) for tilt in TILTS[name])
    return Pooled({"name": name}, "", None, None, shell, {})


def summed(lab, encoders, weight):
    terms = [Lazy(encoders[m], lab.observed[m]) for m in encoders]
    terms = [Scaled(t, weight) for t in terms] if weight else terms
    return Sum([*terms, *constraints(lab.space)], lab.space)


@pytest.mark.parametrize("weight", [None, 1.0], ids=["as it is", "weighted"])
def test_the_scatter_is_that_of_the_maxima_with_each_member_in_turn(weight):
    """Against the maxima themselves, found one by one. S is quadratic but for the pool, whose curvature changes by t^2."""
    lab = laboratory(40)
    encoders = {m: pooled(m) for m in TILTS}
    scalar = summed(lab, encoders, weight)
    fit = maximise(scalar)
    expected = np.zeros((3, 3))
    for m in TILTS:
        each = [summed(lab, encoders | {m: own}, weight) for own in members(encoders[m])]
        hats = [maximise(one).theta.numpy() for one in each]
        expected += np.cov(hats, rowvar=False) / len(hats)
    plain = sandwich(-fit.hessian.numpy(), scalar.variability(fit.theta))
    added = widened(scalar, fit, plain) - plain
    assert np.allclose(added, expected, rtol=1e-2, atol=1e-3 * expected.max())
    assert np.array_equal(sandwiched(scalar, fit), widened(scalar, fit, plain))
    assert expected[0, 0] > 0.01 * plain[0, 0]


def test_without_an_ensemble_nothing_is_added():
    lab = laboratory(12)
    assert np.array_equal(
        widened(lab.scalar, maximise(lab.scalar), np.eye(len(SPACE))), np.eye(len(SPACE))
    )


@pytest.fixture
def pair_project(small_project, tmp_path, monkeypatch):
    """A copy of the small project whose toy asks for two members."""
    root = shutil.copytree(
        small_project, tmp_path / "project", symlinks=True, ignore=shutil.ignore_patterns("mlflow")
    )
    path = root / "modalities" / "toy" / "params.yaml"
    settings = yaml.safe_load(path.read_text())
    settings["finetune"]["members"] = 2
    path.write_text(yaml.safe_dump(settings))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(root)
    return path


@pytest.mark.slow
def test_an_ensemble_is_chosen_in_params_yaml_and_said_in_the_result(pair_project, monkeypatch):
    finetune.finetune("toy")
    encoder = Trained.load(places.encoder("toy", "head"))
    one, two = encoder.head.members
    assert encoder.head.kind == "ensemble" and encoder.head.normalised
    assert any(
        not torch.equal(a, b)
        for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    )
    registry = Registry(root=places.ROOT)
    registry.promote(
        registry.register("toy", places.encoder("toy", "head"), {}, {}), "for the test"
    )
    asked = replace(settings.fusion(places.ROOT, "alone"), calibrate=FusionCalibration(400, 40))
    monkeypatch.setattr(settings, "fusion", lambda root, name: asked)
    gather.gather("alone")
    resolve.resolve("alone")
    for step in (evaluate.evaluate, fuse.fuse, calibrate_fusion.calibrate_fusion):
        step("alone")
    made = evaluated.read_terms("alone")
    answer = answers.read_answer(places.fusion("alone", "calibration") / answers.ANSWER)
    assert str(answer.modalities["toy"].correction) == "ensemble of 2"
    fit = maximise(made.scalar)
    plain = sandwich(-fit.hessian.numpy(), made.scalar.variability(fit.theta))
    slope = made.scalar.space.index(["toy.slope"])[0]
    assert answer.parameters["toy.slope"].sandwich_std > float(np.sqrt(plain[slope, slope]))


@pytest.mark.parametrize("wanted", [0, True, "two", 1.5])
def test_a_number_of_members_that_is_none_is_refused(pair_project, wanted):
    stated = yaml.safe_load(pair_project.read_text())
    stated["finetune"]["members"] = wanted
    pair_project.write_text(yaml.safe_dump(stated))
    with pytest.raises(BadSetting, match="members"):
        finetune.finetune("toy")
