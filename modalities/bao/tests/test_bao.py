"""BAO keep the contract; their two kinds of block are read for what they are; H0 and r_d are exactly degenerate."""

from pathlib import Path

import numpy as np
import pytest
import torch
from addend_bao import Bao
from addend_bao.distances import comoving, expansion

from addend.errors import NegativeError, NotFinite
from addend.parameters import read_agreement
from addend.testing.modality import check_modality

ROOT = Path(__file__).parents[3]


@pytest.fixture
def table():
    return Bao().sets()["desi_dr2"]


def test_contract():
    check_modality(Bao(), read_agreement(ROOT))


def test_comoving_distance_is_that_of_einstein_de_sitter_at_om_1():
    z = np.linspace(0.05, 2.6, 50)
    np.testing.assert_allclose(comoving(z, np.ones(50)), 2 * (1 - 1 / np.sqrt(1 + z)), rtol=1e-12)


def test_slope_of_the_comoving_distance_is_the_inverse_expansion_rate():
    z, step, om = np.linspace(0.05, 2.6, 50), 1e-4, np.linspace(0.05, 0.7, 50)
    slope = (comoving(z + step, om) - comoving(z - step, om)) / (2 * step)
    np.testing.assert_allclose(slope, 1 / expansion(z, om), rtol=1e-7)


def test_thetas_of_equal_coordinates_give_equal_observations():
    rng = np.random.default_rng(0)
    covariates = Bao().covariates(50, rng)
    theta = np.tile([70.0, 0.3, 147.0], (50, 1))
    other = np.tile([73.5, 0.3, 140.0], (50, 1))
    torch.testing.assert_close(*(Bao().coordinates()(torch.as_tensor(t)) for t in (theta, other)))
    x, y = (Bao().simulate(t, covariates, np.random.default_rng(1)) for t in (theta, other))
    for name in x:
        np.testing.assert_allclose(x[name], y[name], rtol=1e-12)


def test_isotropic_row_fills_its_absent_slot(table):
    columns = Bao().read(table)
    first = {name: columns[name][0] for name in Bao.schema.names}
    assert first["D_over_rd"] == table["DV_over_rd"][0] and first["D_err"] == table["DV_err"][0]
    assert (first["anisotropic"], first["DH_over_rd"], first["DH_err"], first["corr"]) == (
        0.0,
        1.0,
        1.0,
        0.0,
    )
    assert (columns["anisotropic"][1:] == 1).all()


@pytest.mark.parametrize("name, value", [("DV_over_rd", 9.0), ("DM_err", np.nan), ("corr", np.nan)])
def test_row_of_neither_kind_is_refused_by_its_number(table, name, value):
    table[name][2] = value
    with pytest.raises(NotFinite, match="row 3"):
        Bao().read(table)


@pytest.mark.parametrize("name, value", [("DM_err", -0.1), ("DH_over_rd", 0.0), ("corr", 1.0)])
def test_impossible_block_is_refused_by_its_number(table, name, value):
    table[name][2] = value
    with pytest.raises(NegativeError, match=f"'{name}'.*row 3"):
        Bao().read(table)


def test_other_columns_of_a_table_are_ignored(table):
    columns = Bao().read(table | {"tracer": np.array(["a"] * 7)})
    assert set(columns) == set(Bao.schema.names)
