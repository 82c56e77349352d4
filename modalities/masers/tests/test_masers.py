"""The masers keep the contract; their distances and their split normal are the ones the model card states."""

from pathlib import Path

import numpy as np
import pytest
from addend_masers import Masers
from addend_masers.masers import C, angular_diameter_distance, split_normal
from scipy.stats import norm

from addend.errors import NegativeError
from addend.parameters import read_agreement
from addend.testing.modality import check_modality

ROOT = Path(__file__).parents[3]


def test_contract():
    check_modality(Masers(), read_agreement(ROOT))


def test_distance_is_that_of_einstein_de_sitter_at_om_1():
    z = np.linspace(-0.005, 0.06, 50)
    exact = C / 70 * 2 * (1 - 1 / np.sqrt(1 + z)) / (1 + z)
    np.testing.assert_allclose(
        angular_diameter_distance(z, np.full(50, 70.0), np.ones(50)), exact, rtol=1e-11, atol=1e-11
    )


def test_distance_is_smooth_through_redshift_zero():
    """D_A = (c / H0) (z - (1 + q) z^2 / 2 - z^2 + ...), with q = 3 Om / 2 - 1, on both sides."""
    z = np.array([-1e-5, 1e-5])
    expected = C / 70 * (z - 0.5 * 1.5 * 0.3 * z**2 - z**2)
    np.testing.assert_allclose(
        angular_diameter_distance(z, np.full(2, 70.0), np.full(2, 0.3)), expected, rtol=1e-9
    )


def test_split_normal_has_its_two_widths_about_its_mode():
    """A share plus / (minus + plus) lies above 0, and each side is half a normal of its own width."""
    minus, plus, d = 1.0, 3.0, np.linspace(-4, 9, 27)
    share = np.where(
        d < 0, 2 * minus * norm.cdf(d / minus), minus + plus * (2 * norm.cdf(d / plus) - 1)
    ) / (minus + plus)
    found = split_normal(np.full(27, minus), np.full(27, plus), norm.ppf(share))
    np.testing.assert_allclose(found, d, rtol=1e-9, atol=1e-9)


def test_split_normal_of_equal_widths_is_normal():
    g = np.linspace(-7, 7, 29)
    np.testing.assert_allclose(
        split_normal(np.full(29, 2.0), np.full(29, 2.0), g), 2 * g, rtol=1e-12
    )


def test_error_that_is_not_positive_is_refused():
    table = Masers().sets()["pesce2020"]
    with pytest.raises(NegativeError, match="D_err_minus"):
        Masers().read(table | {"D_err_minus": -table["D_err_minus"]})
