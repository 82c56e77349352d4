"""Every head obeys every law of `addend.testing.heads`, and the normalisation check knows a density from an imposter."""

import math

import numpy as np
import pytest
import torch

from addend.errors import UnfitHead
from addend.heads import HEADS, Head, build
from addend.testing.densities import integral
from addend.testing.heads import check_density, check_head

OBSERVABLES = [
    {"link": "identity", "error": None, "present": None},
    {"link": "exp", "error": [0, 0.3, -1.0], "present": None},
]
FLOW = {
    "observables": OBSERVABLES,
    "covariates": 1,
    "coordinates": 2,
    "location": [0],
    "hidden": [16, 16],
    "components": 3,
}
RATIO = {"observables": 2, "covariates": 1, "coordinates": 2, "hidden": [16, 16]}
CONFIGS = {
    "flow": FLOW,
    "ratio": RATIO,
    "self_normalised": {"inner": {"kind": "flow", "config": FLOW}},
    "corrected": {"inner": {"kind": "ratio", "config": RATIO}, "coordinates": 2, "covariates": 1},
    "ensemble": {"members": [{"kind": "flow", "config": FLOW}] * 2},
    "exponential": {
        "observables": 2,
        "covariates": 1,
        "grid": [7, {"levels": 3}],
        "features": 5,
        "hidden": [16, 16],
    },
    "distilled": {
        "inner": {"kind": "ratio", "config": RATIO},
        "student": {
            "kind": "exponential",
            "config": {"observables": 2, "covariates": 1, "grid": [5, 5], "features": 3},
        },
    },
    "categorical": {
        "inner": {"kind": "flow", "config": FLOW | {"coordinates": 4}},
        "column": 1,
        "classes": 3,
    },
}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def example(n=300):
    """Observations z `(n, 2)`, covariates `(n, 1)` and coordinates `(n, 2)`."""
    return torch.randn(n, 2), torch.randn(n, 1), 2 * torch.rand(n, 2) - 1


def test_every_kind_of_head_has_an_example_here():
    assert set(CONFIGS) == set(HEADS) - {"stated"}  # which is whatever a modality writes


@pytest.mark.parametrize("kind", CONFIGS)
def test_every_head_obeys_every_law(kind):
    head = build(kind, CONFIGS[kind])
    for name, values in head.named_buffers():
        if name in ("omega", "b", "weights"):
            values.normal_()
    check_head(head, *example())


class Student(Head):
    """A location-scale Student law of 5 degrees in each of two observables, with or without the log of its scale."""

    kind, normalised = "student", True

    def __init__(self, jacobian: bool):
        super().__init__()
        self.jacobian, self.law = (
            jacobian,
            torch.distributions.StudentT(torch.tensor(5.0, dtype=torch.float64)),
        )

    def forward(self, z, e, phi):
        log_scale = 0.5 * phi[..., :1]
        psi = self.law.log_prob((z - 3 * phi[..., 1:]) * torch.exp(-log_scale))
        return (psi - log_scale * self.jacobian).sum(-1)

    def loss(self, z, e, phi, generator=None):
        return -self(z, e, phi).mean()

    def config(self):
        return {"jacobian": self.jacobian}


def test_a_density_integrates_to_one_at_every_theta():
    """Five standard errors at five thetas: false alarm below 3e-6."""
    z, e, phi = (a.double() for a in example())
    found = integral(Student(jacobian=True), z, e, phi[:5], np.random.default_rng(0))
    assert (np.abs(found.log_z) < 5 * found.error).all() and found.error.max() < 0.02


def test_a_missing_jacobian_is_found_and_measured():
    """Without its logarithm, the scale exp(phi_0 / 2) of two observables leaves log C = phi_0."""
    z, e, phi = (a.double() for a in example())
    found = integral(Student(jacobian=False), z, e, phi[:5], np.random.default_rng(0))
    assert (np.abs(found.log_z - phi[:5, 0].numpy()) < 5 * found.error).all()
    with pytest.raises(UnfitHead, match="without its Jacobian"):
        check_density(Student(jacobian=False), z, e, phi[:5])


def test_self_normalised_loss_does_not_see_an_invertible_map_of_z():
    """Scaling z adds one Jacobian to every log q of a row, which cancels; and the loss is at least -log B."""
    head = build("self_normalised", CONFIGS["self_normalised"])
    z, e, phi = example(64)
    head.forward = lambda z, e, phi: -0.5 * (z[..., 0] - phi[..., 0]) ** 2
    scaled = build("self_normalised", CONFIGS["self_normalised"])
    scaled.forward = lambda z, e, phi: -0.5 * (z[..., 0] / 7 - phi[..., 0]) ** 2 - math.log(7)
    assert torch.allclose(head.loss(z, e, phi), scaled.loss(7 * z, e, phi), atol=1e-5)
    assert head.loss(z, e, phi) > -math.log(64)
