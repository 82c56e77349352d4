"""Numbers beside a map, series or list reach the features, in units that keep their digits; a second map is refused."""

import numpy as np
import pytest
import torch

from addend.backbones import BACKBONES
from addend.errors import UnfitBackbone
from addend.modality import Field, Schema
from addend.pretrain import Inputs, SupervisedMean, frozen

FIRST = {"convolution1d": (2, 16), "convolution2d": (8, 8), "deep_set": (5, 2), "mlp": (4,)}


def schema(kind: str) -> Schema:
    return Schema(
        (Field("first", "1", "", shape=FIRST[kind]), Field("y", "1", "")),
        (Field("date", "d", "Julian date", positive=True), Field("seen", "1", "")),
    )


@pytest.mark.parametrize("kind", FIRST)
def test_every_number_moves_the_features(kind):
    torch.manual_seed(1)
    network = BACKBONES[kind](schema(kind), 8)
    x = torch.randn(6, schema(kind).x_size, requires_grad=True)
    c = torch.randn(6, 2, requires_grad=True)
    network(x, c).sum().backward()
    assert (x.grad.abs() > 0).all() and (c.grad.abs() > 0).all()


@pytest.mark.parametrize("kind", ["convolution1d", "convolution2d", "deep_set"])
@pytest.mark.parametrize("side", ["observables", "covariates"])
def test_a_map_or_mask_beside_it_is_refused(kind, side):
    fields = {"observables": (Field("first", "1", "", shape=FIRST[kind]),), "covariates": ()}
    fields[side] += (Field("mask", "1", "", shape=(8, 8)),)
    with pytest.raises(UnfitBackbone, match=r"shape \(8, 8\) stands beside"):
        BACKBONES[kind](Schema(**fields), 8)


def test_covariates_keep_their_digits_and_their_units():
    """64 dates of one year, an hour apart at least: float32 of a Julian date knows a quarter of a day."""
    rng = np.random.default_rng(2)
    date = 2_450_000 + np.sort(rng.choice(8760, 64, replace=False)) / 24
    columns = {
        "first": rng.standard_normal((64, 4)), "y": rng.standard_normal(64), "date": date, "seen": rng.random(64),
    }  # fmt: skip
    found = schema("mlp")
    objective = SupervisedMean(BACKBONES["mlp"](found, 8), 2, 3)
    x, c = torch.from_numpy(found.x(columns)), torch.from_numpy(found.c(columns))
    inputs = Inputs(found, columns)
    seen, known = inputs(x, c)
    backbone = frozen(found, inputs, objective, objective.features(seen, known).detach())
    _, e, _ = backbone.module(x, c)
    assert len(e[:, 0].float().unique()) == 64
    torch.testing.assert_close(e.mean(0), torch.zeros(2).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(e.var(0, correction=0), torch.ones(2).double(), atol=1e-6, rtol=0)
