"""A program is the module that it was traced from: its numbers to the last bit, its derivatives, any batch; and it is text."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from addend.errors import UnfitProgram
from addend.modality import installed
from addend.parameters import read_agreement
from addend.pretrain import standardise
from addend.program import Program, load
from addend.program.tracing import export


class Convolutional(nn.Module):
    """Maps of 16 by 16 to four features, with whatever a small network of maps has in it."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.SiLU(), nn.MaxPool2d(2), nn.GroupNorm(2, 8),
            nn.Conv2d(8, 16, 3, stride=2), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.LayerNorm(16), nn.Softplus(), nn.Linear(16, 4),
        )  # fmt: skip

    def forward(self, x, c):
        return self.net(x.reshape(-1, 1, 16, 16)), c * 1.0, None


class Branching(nn.Module):
    """What no graph can hold."""

    def forward(self, x):
        return x if x.sum() > 0 else -x


class Random(nn.Module):
    """What no sum may rest on."""

    def forward(self, x):
        return x + torch.rand_like(x)


def written(module: nn.Module, folder, *examples: torch.Tensor) -> Program:
    export(module, folder / "network", *examples)
    return load(folder / "network")


def same(ours, theirs) -> None:
    """Equal to the last bit, None where the other is."""
    pairs = zip(*(x if isinstance(x, tuple) else (x,) for x in (ours, theirs)), strict=True)
    for one, other in pairs:
        assert (one is None and other is None) or torch.equal(one, other)


def maps(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(n)
    return tuple(torch.randn(n, k, generator=made, dtype=torch.float64) for k in (256, 2))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(installed()))
def test_what_ships_keeps_its_numbers_to_the_last_bit(name, request, tmp_path):
    modality, rng = installed()[name], np.random.default_rng(1)
    space = read_agreement(request.config.rootpath).subset(modality.parameters)
    theta, known = space.draw(500, rng), modality.covariates(500, rng)
    columns = {**known, **modality.simulate(theta, known, rng)}
    f = standardise(modality.schema, columns).module
    x, c = (torch.from_numpy(a(columns)) for a in (modality.schema.x, modality.schema.c))
    same(written(f, tmp_path, x[:8], c[:8])(x, c), f(x, c))
    phi, at = modality.coordinates().double(), torch.from_numpy(theta)
    same(written(phi, tmp_path, at[:8])(at), phi(at))


@pytest.mark.slow
def test_a_convolutional_network_keeps_its_numbers_to_the_last_bit(tmp_path):
    torch.manual_seed(1)
    f = Convolutional().double()
    program = written(f, tmp_path, *maps(8))
    for n in (1, 2, 37):
        same(program(*maps(n)), f(*maps(n)))


@pytest.mark.slow
def test_derivatives_are_those_of_the_module_to_second_order(tmp_path):
    torch.manual_seed(2)
    f = nn.Sequential(nn.Linear(2, 8), nn.SiLU(), nn.Linear(8, 1)).double()
    program, x = written(f, tmp_path, torch.zeros(3, 2).double()), torch.randn(5, 2).double()

    def derivatives(g):
        at = x.clone().requires_grad_()
        first = torch.autograd.grad(g(at).sum(), at, create_graph=True)[0]
        return first, torch.autograd.grad((first**2).sum(), at)[0]

    same(derivatives(program), derivatives(f))


@pytest.mark.slow
def test_it_is_text_that_names_operations_and_no_version_of_torch(tmp_path):
    f = nn.Sequential(nn.Linear(2, 2), nn.Tanh()).double()
    written(f, tmp_path, torch.zeros(3, 2).double())
    text = (tmp_path / "network.json").read_text()
    assert torch.__version__ not in text and '"op": "aten.tanh.default"' in text
    assert sorted(json.loads(text)) == ["inputs", "nodes", "outputs"]
    again = tmp_path / "again"
    again.mkdir()
    written(f, again, torch.zeros(3, 2).double())
    for file in ("network.json", "network.safetensors"):
        assert (tmp_path / file).read_bytes() == (again / file).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("module, said", [(Branching, "cannot be traced"), (Random, "aten.rand")])
def test_a_module_that_cannot_be_written_is_refused_by_name(module, said, tmp_path):
    with pytest.raises(UnfitProgram, match=said):
        export(module(), tmp_path / "network", torch.zeros(3, 2))
    assert not list(tmp_path.iterdir())


def test_memory_is_that_of_what_is_still_needed(tmp_path):
    """Of forty operations one after the other, no more than two values are held at once."""
    nodes = [
        {"name": f"n{i}", "op": "aten.neg.default", "args": [{"value": f"n{i - 1}" if i else "x"}], "kwargs": {}}
        for i in range(40)
    ]  # fmt: skip
    port = {"shape": [None, 3], "dtype": "float64"}
    graph = {
        "inputs": [{"name": "x", **port}],
        "nodes": nodes,
        "outputs": [{"name": "n39", **port}],
    }
    (tmp_path / "network.json").write_text(json.dumps(graph))
    save_file({}, tmp_path / "network.safetensors")
    program = load(tmp_path / "network")
    assert all(
        done_with in ([f"n{i - 1}"], ["x"], []) for i, (_, _, done_with) in enumerate(program.steps)
    )
    assert torch.equal(program(torch.ones(2, 3).double()), torch.ones(2, 3).double())
