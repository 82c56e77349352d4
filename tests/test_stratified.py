"""Stratified noise: each row as random as ever, a group far less so."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import kstest

from addend import stratified
from addend.errors import BadSetting
from addend.stratified import Stratified


@pytest.mark.parametrize("strata", [2, 8, 32])
def test_a_member_of_every_group_follows_the_law(strata):
    """Kolmogorov and Smirnov, one member at a time: a false alarm in 10^6 a member."""
    rng = Stratified(np.random.default_rng(1), 2000 * strata, strata)
    for member in rng.standard_normal((2000 * strata, 1)).reshape(strata, 2000):
        assert kstest(member, "norm").pvalue > 1e-6


@pytest.mark.parametrize("strata", [2, 8, 32])
def test_a_group_has_one_member_in_each_stratum_and_its_own_mirror_image(strata):
    z = Stratified(np.random.default_rng(2), 50 * strata, strata).standard_normal((50 * strata, 3)).reshape(strata, 50, 3)
    assert (np.sort((strata * ndtr(z)).astype(int), axis=0) == np.arange(strata)[:, None, None]).all()
    assert np.allclose(z[strata // 2 :], -z[: strata // 2], atol=1e-9)


def test_columns_are_independent_of_one_another():
    """The correlation of 32 000 rows of two columns is below five of its errors (a false alarm in 10^6)."""
    u = Stratified(np.random.default_rng(3), 32_000, 16).random((32_000, 2))
    assert abs(np.corrcoef(u.T)[0, 1]) < 5 / np.sqrt(32_000)


def test_the_mean_of_a_group_is_without_noise_and_its_mean_square_has_less_than_half_the_variance():
    """It has about a quarter, the rest being the tails of the outermost strata."""
    groups = Stratified(np.random.default_rng(4), 32_000, 32).standard_normal(32_000).reshape(32, 1000)
    assert np.abs(groups.mean(axis=0)).max() < 1e-9
    assert (groups**2).mean(axis=0).var() < 0.5 * 2 / 32


def test_other_draws_are_made_as_usual_and_uniform_and_normal_take_their_arguments():
    rng = Stratified(np.random.default_rng(5), 8, 4)
    assert rng.random((3, 2)).shape == (3, 2) and rng.integers(5, size=8).shape == (8,)
    assert np.allclose(rng.normal(np.arange(8.0), 0.0), np.arange(8))
    assert ((rng.uniform(2.0, 3.0, (5, 8)) >= 2) & (rng.uniform(2.0, 3.0, (5, 8)) < 3)).all()


def test_joined_blocks_keep_their_groups():
    blocks = [stratified.repeat(np.arange(3), 4), stratified.repeat(np.arange(3, 5), 4)]
    assert (stratified.join(blocks, 4).reshape(4, 5) == np.arange(5)).all()


@pytest.mark.parametrize("strata", [0, 3, -2, 2.0, True])
def test_a_group_of_odd_size_is_refused(strata):
    with pytest.raises(BadSetting, match="even"):
        stratified.require(strata)
