"""The maps keep the contract; their spectrum, laws and features are what the model card states."""

import json
from itertools import pairwise
from pathlib import Path

import addend_shear
import numpy as np
import pytest
import torch
from addend_shear import Gaussian, Shear
from addend_shear.shear import ARCMIN, EMPTY, NOISE, PIXEL, SIDE, Coordinates, multipoles, power
from addend_shear.spectrum import table

from addend.errors import BadSetting, MaskedOut, NotFinite
from addend.parameters import read_agreement
from addend.testing.modality import check_modality

ROOT = Path(__file__).parents[3]
SHIPPED = Path(addend_shear.__file__).parent / "spectrum.json"


@pytest.mark.parametrize("kind", [Shear, Gaussian])
def test_contract(kind):
    check_modality(kind(), read_agreement(ROOT))


def test_the_spectrum_is_camb_s_at_cosmologies_that_were_held_out():
    """The table's own statement of its error, here at spectra that CAMB made and no coefficient saw."""
    for held in json.loads(SHIPPED.read_text())["held_out"]:
        theta = np.array([[held["Om"], s] for s in held["sigma8"]])
        off = np.abs(table().log_c(theta) - np.array(held["log C"])).max()
        assert off <= table().error + 1e-5 < 0.02
    with pytest.raises(BadSetting, match="tabulated for Om"):
        table().log_c(np.array([[0.9, 0.8]]))


def test_power_grows_as_the_square_of_sigma8_on_large_scales():
    low, high = table().log_c(np.array([[0.3, 0.7], [0.3, 0.8]]))[:, 0]
    assert (high - low) / np.log(0.8 / 0.7) == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("kind", [Shear, Gaussian])
def test_maps_have_the_power_that_is_stated(kind):
    """Of 1000 maps in six bands: binned power within 4.5 of its own errors, false alarms 4e-5; clipping at zero costs 1 %."""
    theta, rng = np.tile([0.3, 0.8], (1000, 1)), np.random.default_rng(3)
    p = power(theta)
    made = np.abs(np.fft.fft2(kind().field(p, rng), norm="ortho")) ** 2
    edges = np.geomspace(40, 1900, 7)
    for low, high in pairwise(edges):
        band = (multipoles() >= low) & (multipoles() < high)
        each = (made[:, band] / p[:, band]).mean(1)
        assert abs(each.mean() - 1) < 0.01 + 4.5 * each.std() / np.sqrt(len(each))


def test_a_log_normal_field_is_no_less_than_an_empty_beam_and_skewed():
    rng, theta = np.random.default_rng(4), np.tile([0.3, 0.8], (200, 1))
    kappa = Shear().field(power(theta), rng)
    assert kappa.min() > -EMPTY and abs(kappa.mean()) < 1e-3
    assert (kappa**3).mean() / (kappa**2).mean() ** 1.5 > 0.3


def test_the_oracle_s_score_has_mean_zero_and_the_fisher_information_for_variance():
    """I = sum_k (d log P)^2 / 2 over modes; 1500 maps, each entry within 4 of its own errors."""
    theta, n, rng = np.array([0.35, 0.75]), 1500, np.random.default_rng(5)
    at = np.tile(theta, (n, 1))
    law = Gaussian()
    columns = {**law.simulate(at, law.covariates(n, rng), rng)}
    columns["kappa"] = columns["kappa"].astype(np.float64)
    step = 1e-4 * np.eye(2)
    score = np.stack([
        (law.log_likelihood(columns, at + s) - law.log_likelihood(columns, at - s)) / 2e-4 for s in step
    ], 1)  # fmt: skip
    slopes = np.stack([
        (np.log(power((theta + s)[None]) + NOISE**2) - np.log(power((theta - s)[None]) + NOISE**2)) / 2e-4
        for s in step
    ]).reshape(2, -1)  # fmt: skip
    fisher = 0.5 * slopes @ slopes.T
    white = np.linalg.inv(np.linalg.cholesky(fisher))
    assert (np.abs(white @ score.mean(0)) < 4.5 / np.sqrt(n)).all()
    np.testing.assert_allclose(
        white @ np.cov(score.T) @ white.T, np.eye(2), atol=4.5 * np.sqrt(2 / n)
    )


def test_band_powers_and_moments_are_those_of_numpy():
    rng = np.random.default_rng(6)
    x = rng.standard_normal((3, SIDE, SIDE))
    seen = (rng.random((3, SIDE, SIDE)) < 0.9).astype(float)
    net = Shear().architecture().summary.double()
    found = net(*(torch.from_numpy(a.reshape(3, -1)) for a in (x, seen))).numpy()
    modes = np.fft.fft2(x * seen, norm="ortho")
    share = seen.mean((1, 2))
    edges = np.geomspace(multipoles()[0, 1] * 0.999, multipoles().max() * 1.001, 11)
    inside = [(multipoles() >= a) & (multipoles() < b) for a, b in pairwise(edges)]
    powers = [(np.abs(modes) ** 2)[:, band].mean(1) / share for band in inside if band.any()]
    np.testing.assert_allclose(
        found[:, : net.bands], np.log(np.stack(powers, 1) + 1e-6), rtol=1e-4, atol=1e-6
    )
    k = 2 * np.pi * np.hypot(*np.meshgrid(*[np.fft.fftfreq(SIDE)] * 2))
    smooth = np.fft.ifft2(modes * np.exp(-0.5 * (4 * k) ** 2) * (k > 0), norm="ortho").real.reshape(
        3, -1
    )
    variance = (smooth**2).mean(1) + 1e-6
    skew = (smooth**3).mean(1) / variance**1.5
    np.testing.assert_allclose(found[:, net.bands + 1], skew, rtol=1e-4, atol=1e-6)


def test_coordinates_lie_along_and_across_the_valley():
    made = Coordinates()(torch.tensor([[0.3, 0.8], [0.6, 0.8 / np.sqrt(2)]]).double())
    torch.testing.assert_close(made[:, 0], made[:1, 0].expand(2))
    assert made[0, 1] == pytest.approx(np.log(0.3))


def test_shape_noise_is_that_of_galaxies_in_a_pixel():
    assert (
        pytest.approx(0.26 / np.sqrt(640)) == NOISE
        and pytest.approx(2 * np.pi / 64 / (8 * ARCMIN)) == multipoles()[0, 1]
    )
    assert PIXEL == 8


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (("kappa", np.nan), NotFinite, "not a finite number in row 2"),
        (("seen", 0.0), MaskedOut, "hides all"),
    ],
)
def test_a_map_that_says_nothing_is_refused(change, error, said):
    rng = np.random.default_rng(7)
    covariates = Shear().covariates(3, rng)
    columns = {**Shear().simulate(np.tile([0.3, 0.8], (3, 1)), covariates, rng), **covariates}
    columns[change[0]][1] = change[1]
    with pytest.raises(error, match=said):
        Shear().schema.check(columns)
