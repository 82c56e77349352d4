"""f_m of summaries that have no weights: made once, whitened, and the whole a program of the observations."""

import json

import learning
import numpy as np
import pytest
import torch

from addend import modality, places, shards
from addend.backbones import Summarised
from addend.program import load
from addend.stages import pretrain
from addend.testing import maps


@pytest.fixture
def root(tmp_path, monkeypatch, one_thread):
    """A project of maps with its simulations."""
    return learning.project(tmp_path, monkeypatch)


class Powers(torch.nn.Module):
    """The logarithm of what each row and each column of a map holds, one of them twice."""

    width = 33

    def forward(self, x, c):
        square = x.reshape(-1, 16, 16) ** 2
        rows, columns = torch.log(square.mean(2) + 1e-3), torch.log(square.mean(1) + 1e-3)
        return torch.cat([rows, columns, rows[:, :1]], dim=1)


@pytest.mark.parametrize("objective", ["none", "supervised_ratio"])
def test_summaries_are_made_once_and_the_program_is_of_the_maps(root, objective, monkeypatch):
    """What is trained on summaries in memory is, as a program, a function of maps; untaught, it leaves g_m every row."""

    class Own(maps.Maps):
        def architecture(self):
            return Summarised(Powers())

    monkeypatch.setattr(modality, "installed", lambda: {"toy": Own()})
    learned = {"z": 3, "steps": 60, "batch": 64} if objective != "none" else {}
    text = {**learning.SETTINGS, "pretrain": {"objective": objective, **learned}}
    (root / "modalities" / "toy" / "params.yaml").write_text(json.dumps(text))
    pretrain.pretrain("toy")
    folder = places.encoder("toy", "backbone")
    layout = json.loads((folder / "layout.json").read_text())
    assert (layout["taught"], layout["backbone"]["z"]) == (
        (0, 32) if objective == "none" else (1536, 3)
    )
    columns = shards.open_set(places.pool("toy", "train")).read(0)
    x, c = (torch.from_numpy(a) for a in (Own.schema.x(columns), Own.schema.c(columns)))
    z, _, _ = load(folder / "backbone")(x, c)
    np.testing.assert_allclose(np.cov(z.T), np.eye(z.shape[1]), atol=0.25)
