"""A head that a modality states: trained up to c(x), carried as a program, refused where it is none."""

import json
import shutil

import pytest
import torch
from torch import nn

from addend import heads
from addend.errors import UnfitHead, UnfitProgram
from addend.heads import Stated, loading
from addend.heads.laws import require_smooth
from addend.program.tracing import export
from addend.testing.maps import Maps
from addend.training import Rows, Training, fit


class Gaussian(nn.Module):
    """psi = -(z - a phi)^2 / 2 s^2 + 7 z: the law of z is N(a phi, s^2), and c(x) is anything."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.log_s = nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.tensor(0.0))

    def forward(self, z, e, phi):
        off = (z - self.a * phi).sum(1)
        return -0.5 * (off * torch.exp(-self.log_s)) ** 2 + 7 * z.sum(1) + 0 * e.sum(1)


def drawn(n, a=1.5, s=0.5):
    generator = torch.Generator().manual_seed(1)
    phi = 2 * torch.rand(n, 1, generator=generator) - 1
    return a * phi + s * torch.randn(n, 1, generator=generator), torch.zeros(n, 1), phi


def test_comparison_finds_the_law_whatever_the_constant_of_each_row():
    """a and s from 20 000 rows, each within 3 % of the truth: their errors are 0.6 % and 0.5 % of it, and half as much again
    for what comparison of 64 thetas leaves unused; five of them, a false alarm in less than 1e-5 of seeds."""
    head, rows = Stated(Gaussian()), Rows(*drawn(20_000))
    fit(head, rows, Training(1, (1500,), (256,), (0.02,)))
    assert head.network.a.item() == pytest.approx(1.5, rel=0.03)
    assert head.network.log_s.exp().item() == pytest.approx(0.5, rel=0.03)
    assert not head.normalised and not head.anchored


@pytest.fixture
def written(tmp_path):
    """The head as `finetune` writes it."""
    network = Gaussian().double().requires_grad_(False)
    export(network, tmp_path / "head", *(part.double()[:8] for part in drawn(8)))
    return tmp_path, network


def test_it_is_loaded_as_data_to_the_same_bits_and_crosses_thetas_with_rows(written):
    folder, network = written
    head = loading.load(
        {"kind": "stated", "config": {}}, folder / "head.safetensors", 1, 1, 1, "it"
    )
    z, e, phi = (part.double() for part in drawn(11))
    assert torch.equal(head.pairs(z, e, phi), network(z, e, phi))
    crossed = head.outer(z, e, phi[:3])
    assert crossed.shape == (3, 11)
    assert torch.equal(crossed[1], network(z, e, phi[1].expand(11, 1)))


def test_one_of_other_sizes_or_without_its_program_is_refused(written, tmp_path):
    folder, _ = written
    stated = {"kind": "stated", "config": {}}
    with pytest.raises(UnfitProgram, match="states the shapes"):
        loading.load(stated, folder / "head.safetensors", 2, 1, 1, "it")
    graph = json.loads((folder / "head.json").read_text())
    graph["nodes"][0]["op"] = "os.system"
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(folder / "head.safetensors", other)
    (other / "head.json").write_text(json.dumps(graph))
    with pytest.raises(UnfitProgram):
        loading.load(stated, other / "head.safetensors", 1, 1, 1, "it")
    inner = {"kind": "self_normalised", "config": {"inner": stated}}
    with pytest.raises(UnfitHead):
        loading.load(inner, folder / "head.safetensors", 1, 1, 1, "it")


def test_a_kinked_network_is_refused_and_a_modality_states_none_by_default():
    with pytest.raises(UnfitHead, match="not C2"):
        require_smooth(Stated(nn.Sequential(nn.Linear(1, 1), nn.ReLU())))
    assert Maps().head() is None and heads.HEADS["stated"] is Stated
