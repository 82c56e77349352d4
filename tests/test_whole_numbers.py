"""exp(psi) of whole numbers: summed, and by importance where other observables stand beside them."""

import numpy as np
import pytest
import torch
from exact_line import encoder
from test_calibration_measure import Tilted

from addend.calibration.measure import cells_over, normalisation
from addend.modality import Field, Modality, Schema
from addend.parameters import Parameter, ParameterSpace


class Counted(Modality):
    """Counts of rate exp(theta), twice, and a number around theta."""

    name, title, parameters = "counted", "Counts of theta", ("theta",)
    schema = Schema((
        Field("n", "1", "", dtype="int64", kind="count"), Field("x", "1", ""), Field("m", "1", "", dtype="int64", kind="count"),
    ))  # fmt: skip

    def covariates(self, n, rng):
        return {}

    def simulate(self, theta, covariates, rng):
        n, m = rng.poisson(np.exp(theta[:, 0]), (2, len(theta)))
        return {"n": n, "m": m, "x": theta[:, 0] + rng.standard_normal(len(theta))}

    def read(self, table):
        return dict(table)


class Probability(Tilted):
    """Two Poisson laws and a normal one, tilted."""

    whole = (0, 2)

    def forward(self, z, e, phi):
        n, rate = z[..., [0, 2]], phi.exp()
        counts = (n * phi - rate - torch.lgamma(n + 1)).sum(-1)
        return counts + super().forward(z[..., 1:2], z[..., 1:2], phi)


def integrated(head: Tilted, modality: Modality):
    """Eight thetas in [-2, 2], and the integral of exp(psi) at each."""
    space = ParameterSpace((Parameter("theta", "1", "a number", -2.0, 2.0),))
    cells = cells_over(space, 8, seed=1)
    made = encoder(head, modality, space)
    return cells, normalisation(made, modality, cells, np.random.default_rng(5))


@pytest.mark.parametrize("tilt", [0.0, 0.1])
def test_of_several_whole_numbers_beside_a_real_one_exp_psi_is_summed_over_all(tilt):
    """Within 4.5 errors at 8 thetas: false alarms 6e-5."""
    cells, z = integrated(Probability(tilt, ratio=False), Counted())
    assert (np.abs(z.log_z - tilt * cells[:, 0]) < 4.5 * z.error).all() and z.error.max() < 0.05


class Single(Counted):
    """One count of rate exp(theta)."""

    schema = Schema((Field("n", "1", "", dtype="int64", kind="count"),))

    def simulate(self, theta, covariates, rng):
        return {"n": rng.poisson(np.exp(theta[:, 0]))}


class One(Tilted):
    """A Poisson law, tilted."""

    whole = (0,)

    def forward(self, z, e, phi):
        n = z[..., 0]
        return (n + self.tilt) * phi[..., 0] - phi[..., 0].exp() - torch.lgamma(n + 1)


@pytest.mark.parametrize("tilt", [0.0, 0.1])
def test_of_one_whole_number_exp_psi_is_summed_exactly(tilt):
    cells, z = integrated(One(tilt, ratio=False), Single())
    assert z.exact and np.allclose(z.log_z, tilt * cells[:, 0], rtol=0, atol=1e-12)
