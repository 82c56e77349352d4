"""The supernovae keep the contract; their moduli and the published table are what the model card states."""

from pathlib import Path

import numpy as np
import pytest
from addend_supernovae import Supernovae
from addend_supernovae.supernovae import C, Coordinates, comoving_distance, excess

from addend.errors import MissingColumn, NegativeError
from addend.parameters import read_agreement
from addend.table import read_table
from addend.testing.modality import check_modality

ROOT = Path(__file__).parents[3]
TABLE = ROOT.parent / "shared" / "data" / "real" / "sn" / "des_dovekie" / "DES-Dovekie_HD.csv"


def test_contract():
    check_modality(Supernovae(), read_agreement(ROOT))


def test_distance_is_that_of_einstein_de_sitter_at_om_1_and_of_de_sitter_at_om_0():
    z = np.linspace(0.01, 1.5, 40)
    matter = 2 * C / 70 * (1 - 1 / np.sqrt(1 + z))
    np.testing.assert_allclose(
        comoving_distance(z, np.full(40, 70.0), np.ones(40)), matter, rtol=1e-10
    )
    empty = comoving_distance(z, np.full(40, 70.0), np.zeros(40))
    np.testing.assert_allclose(empty, C / 70 * z, rtol=1e-14)


def test_quadrature_is_good_to_a_billionth():
    """Against the trapezium rule with ten thousand steps, whose error is 1e-9 of the integral."""
    z, om = np.array([0.3, 1.5]), 0.07
    t = np.linspace(0, 1, 10_001)[:, None] * z
    slow = C / 50 * np.trapezoid(1 / np.sqrt(om * (1 + t) ** 3 + 1 - om), t, axis=0)
    np.testing.assert_allclose(
        comoving_distance(z, np.full(2, 50.0), np.full(2, om)), slow, rtol=3e-9
    )


def test_hubble_s_constant_and_the_zero_point_are_one_number():
    z = np.geomspace(0.02, 1.2, 9)
    moved = excess(z, np.full(9, 60.0), np.full(9, 0.4)) + 0.1
    same = excess(z, np.full(9, 70.0), np.full(9, 0.4)) + 0.1 - 5 * np.log10(60 / 70)
    np.testing.assert_allclose(moved, same, atol=1e-12)
    import torch

    a, b = torch.tensor([[60.0, 0.4, 0.1], [70.0, 0.4, 0.1 - 5 * np.log10(60 / 70)]]).double()
    torch.testing.assert_close(Coordinates()(a), Coordinates()(b))


def test_a_table_is_read_by_its_released_names_and_is_the_modulus_itself():
    """MU at the fiducial universe has no excess, whatever the heliocentric redshift says of the light's own dilation."""
    z, observed = np.array([0.1, 0.9]), np.array([0.101, 0.898])
    d = (1 + observed) * comoving_distance(z, np.full(2, 70.0), np.full(2, 0.3))
    table = {
        "MU": 5 * np.log10(d * 1e6 / 10) + 0.05,
        "zHD": z,
        "zHEL": observed,
        "MUERR": np.full(2, 0.1),
    }
    np.testing.assert_allclose(Supernovae().read(table)["excess"], 0.05, atol=1e-12)
    with pytest.raises(MissingColumn, match="zHEL"):
        Supernovae().read({k: v for k, v in table.items() if k != "zHEL"})
    with pytest.raises(NegativeError, match="MUERR"):
        Supernovae().read(table | {"MUERR": np.array([0.1, 0.0])})


@pytest.mark.skipif(not TABLE.exists(), reason="the published table is not at hand")
def test_the_published_table_gives_the_landmark():
    """Om = 0.349 +- 0.011 with flat priors, statistical errors alone: a sum over a grid, M integrated out in closed form."""
    columns = Supernovae().read(read_table(TABLE, Supernovae().table))
    assert len(columns["excess"]) == 1820
    weight, grid = columns["MUERR"] ** -2, np.linspace(0.25, 0.45, 401)
    log_p = []
    for om in grid:
        r = columns["excess"] - excess(columns["zHD"], np.array(70.0), np.array(om))
        log_p.append(-0.5 * ((r**2 * weight).sum() - (r * weight).sum() ** 2 / weight.sum()))
    p = np.exp(np.array(log_p) - max(log_p))
    mean = (p * grid).sum() / p.sum()
    width = np.sqrt((p * (grid - mean) ** 2).sum() / p.sum())
    assert mean == pytest.approx(0.349, abs=0.0005) and width == pytest.approx(0.011, abs=0.0005)
