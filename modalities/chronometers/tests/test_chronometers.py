"""The chronometers keep the contract, and their simulator is the mean, shifted, plus the quoted noise."""

from pathlib import Path

import numpy as np
import pytest
from addend_chronometers import Chronometers
from addend_chronometers.chronometers import LARGEST_SHIFTS, expansion

from addend.errors import NegativeError
from addend.parameters import read_agreement
from addend.testing.modality import check_modality

ROOT = Path(__file__).parents[3]


def test_contract():
    check_modality(Chronometers(), read_agreement(ROOT))


def test_one_sigma_of_a_systematic_moves_every_row_by_its_quoted_shift():
    modality, n = Chronometers(), 15
    columns = modality.read(modality.sets()["moresco2020"])
    plain, shifted = (np.tile([70.0, 0.3, 0.0, eta], (n, 1)) for eta in (0.0, 1.0))
    h = [
        modality.simulate(theta, columns, np.random.default_rng(1))["H"]
        for theta in (plain, shifted)
    ]
    np.testing.assert_allclose(h[1] - h[0], columns["d_sps"], rtol=1e-12)


def test_training_covariates_leave_the_mean_positive_at_the_worst_theta():
    c = Chronometers().covariates(100_000, np.random.default_rng(2))
    mean = expansion(c["z"], 50.0, 0.05) - 5 * c["d_imf"] - 5 * c["d_sps"]
    print(f"smallest mean {mean.min():.2f} km/s/Mpc")
    assert mean.min() > 0


def test_shipped_shifts_are_among_those_of_training():
    c = Chronometers().sets()["moresco2020"]
    for name, largest in zip(("d_imf", "d_sps"), LARGEST_SHIFTS, strict=True):
        fraction = c[name] / expansion(c["z"], 50.0, 0.05)
        print(f"{name}: {fraction.min():.4f} to {fraction.max():.4f} of {largest}")
        assert (fraction < largest).all()


def test_error_that_is_not_positive_is_refused():
    table = Chronometers().sets()["moresco2020"]
    with pytest.raises(NegativeError, match=r"'H_err'.*row 1"):
        Chronometers().read(table | {"H_err": -table["H_err"]})


def test_expansion_rate_that_noise_carried_below_zero_is_an_observation():
    table = Chronometers().sets()["moresco2020"]
    assert (Chronometers().read(table | {"H": -table["H"]})["H"] == -table["H"]).all()
