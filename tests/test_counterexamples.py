"""What a sum would multiply is refused, each by its name: the counter-examples."""

import pytest
import torch
from torch import nn

from addend.errors import ThetaLawMismatch, UnboundedDensity, UnfitHead
from addend.heads.laws import (
    Invertible,
    require_frozen_or_invertible,
    require_one_law,
    require_rowwise,
    require_smooth,
)
from addend.heads.ratio import Ratio
from addend.testing.heads import check_curvature, check_head, check_rows


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def example(n=300):
    return torch.randn(n, 2), torch.randn(n, 1), 2 * torch.rand(n, 2) - 1


class Altered(Ratio):
    """A ratio head with a layer put after, or a function put around, its network."""

    def __init__(self, layer=None, after=None):
        super().__init__(2, 1, 2, hidden=(16, 16))
        self.layer, self.after = layer, after
        for p in self.parameters():
            nn.init.normal_(p, std=0.3)
        nn.init.zeros_(self.last.bias)  # so that psi has either sign

    def forward(self, z, e, phi):
        psi = super().forward(z, e, phi)
        psi = psi if self.layer is None else self.layer(psi[..., None])[..., 0]
        return psi if self.after is None else self.after(psi, phi)

    def outer(self, z, e, phi):
        return self(z[None], e[None], phi[:, None])


@pytest.mark.parametrize(
    "layer", [nn.ReLU(), nn.LeakyReLU(), nn.ELU(), nn.Hardtanh(), nn.Softsign(), nn.PReLU()]
)
def test_an_activation_that_is_not_c2_is_refused(layer):
    with pytest.raises(UnfitHead, match="not C2"):
        check_head(Altered(layer), *example())


@pytest.mark.parametrize("layer", [nn.SiLU(), nn.Softplus(), nn.Tanh(), nn.GELU(), nn.LayerNorm(1)])
def test_a_smooth_layer_is_accepted(layer):
    require_smooth(Altered(layer))


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(1), nn.InstanceNorm1d(1), nn.Dropout(0.1)])
def test_a_layer_that_couples_observations_or_draws_lots_is_refused(layer):
    with pytest.raises(UnfitHead, match="chance or on the others"):
        check_head(Altered(layer), *example())


@pytest.mark.parametrize(
    "kink",
    [
        lambda psi, phi: torch.relu(psi + 0.2 * phi[..., 0]),
        lambda psi, phi: psi + phi[..., 0].abs(),
        lambda psi, phi: psi + torch.relu(phi[..., 0]) ** 2,
    ],
    ids=["a ReLU network", "a kink", "a jump of the Hessian alone"],
)
def test_a_kink_that_no_layer_shows_is_found_by_its_curvature(kink):
    z, e, phi = (a.double() for a in example())
    check_curvature(Altered().double(), z[:8], e[:8], phi)
    with pytest.raises(UnfitHead, match="curvature"):
        check_curvature(Altered(after=kink).double(), z[:8], e[:8], phi)


def test_a_head_that_centres_its_batch_is_refused():
    z, e, phi = (a.double() for a in example())
    with pytest.raises(UnfitHead, match="depends on the others"):
        check_rows(Altered(after=lambda psi, phi: psi - psi.mean()).double(), z, e, phi)


def test_a_trainable_backbone_under_a_likelihood_is_refused():
    backbone = nn.Linear(3, 2)
    with pytest.raises(UnboundedDensity, match="no minimum"):
        require_frozen_or_invertible(backbone)
    require_frozen_or_invertible(backbone.requires_grad_(False))
    require_frozen_or_invertible(None)


def test_the_loss_of_a_trainable_backbone_under_a_likelihood_is_unbounded_indeed():
    """Shrinking z by e lowers -E log q of a Gaussian fitted to z by one nat for each dimension, without end."""
    z = torch.randn(1000, 2).double()
    losses = [
        float((z * torch.exp(torch.tensor(-k))).std(0).log().sum()) for k in (0.0, 10.0, 20.0)
    ]
    assert losses[0] - losses[1] == pytest.approx(20) and losses[1] - losses[2] == pytest.approx(20)


def test_a_bijection_that_counts_its_jacobian_may_be_trained():
    class Scale(Invertible):
        def __init__(self):
            super().__init__()
            self.log_scale = nn.Parameter(torch.zeros(2))

        def forward(self, x):
            return x * self.log_scale.exp(), self.log_scale.sum().expand(x.shape[:-1])

    require_frozen_or_invertible(Scale())


def test_standardising_by_the_batch_at_hand_is_refused():
    x, c, _ = example()
    require_rowwise(lambda x, c: ((x - 1) / 2, c), x, c)
    with pytest.raises(UnfitHead, match="fixed statistics"):
        require_rowwise(lambda x, c: ((x - x.mean(0)) / x.std(0), c), x, c)


def test_products_under_another_theta_law_are_refused():
    z, e, phi = example(2000)
    head = Ratio(2, 1, 2, hidden=(16,))
    head.loss(z, e, phi, phi_product=phi.flip(0))
    with pytest.raises(ThetaLawMismatch, match="another law"):
        head.loss(z, e, phi, phi_product=phi.clamp(min=-0.5))


def test_fresh_theta_of_the_same_law_are_accepted():
    """The false-alarm rate of the refusal is 1e-6."""
    require_one_law(torch.rand(4000, 3), torch.rand(3000, 3))
    with pytest.raises(ThetaLawMismatch):
        require_one_law(torch.rand(4000, 3), torch.rand(3000, 3) ** 1.3)
