"""`finetune` as params.yaml asks for it: a ratio in the place of a density, and what a killed one leaves."""

import numpy as np
import pytest
import torch
import yaml

from addend import checkpoint, places, shards
from addend.encoder import Encoder
from addend.errors import BadSetting
from addend.pools import theta_of
from addend.stages import finetune

RATIO = {
    "head": "ratio", "objective": "nre_c", "hidden": [32, 32], "seed": 1, "steps": [600], "batch": [512], "rate": [0.003],
}  # fmt: skip


@pytest.fixture
def asked(own_project):
    """A copy of the small project whose toy asks for a ratio."""
    path = own_project / "modalities" / "toy" / "params.yaml"

    def ask(**changed) -> None:
        settings = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump(settings | {"finetune": {**RATIO, **changed}}))

    ask()
    return ask


def exact(theta, columns):
    """log p(y | theta) `(N,)` up to what does not depend on theta."""
    off = columns["y"] - theta[:, 0] - theta[:, 1] * columns["t"]
    return -0.5 * (off / columns["y_err"]) ** 2


def test_a_ratio_is_one_word_in_params_yaml(asked):
    finetune.finetune("toy")
    folder = places.encoder("toy", "head")
    encoder = Encoder.load(folder)
    assert encoder.manifest["head"]["kind"] == "ratio" and not encoder.head.normalised
    assert encoder.manifest["objective"].endswith("products of marginals (O2), nre_c")
    assert [p.name for p in folder.parent.iterdir() if "finetuning" in p.name] == []
    columns = shards.read_set(places.pool("toy", "audit")).columns
    theta = theta_of(columns, encoder.space.names)
    other = np.roll(theta, 1, axis=0)
    with torch.no_grad():
        psi = [encoder.pairs(columns, torch.from_numpy(t)).numpy() for t in (theta, other)]
    told = np.mean(psi[0] > psi[1])
    best = np.mean(exact(theta, columns) > exact(other, columns))
    print(
        f"its own theta is told from another's in {told:.3f} of rows; by the exact law in {best:.3f}"
    )
    assert best > 0.85 and told > best - 0.08


def test_one_that_was_killed_ends_with_the_same_bytes(asked, monkeypatch):
    asked(steps=[120])
    finetune.finetune("toy")
    folder = places.encoder("toy", "head")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    monkeypatch.setattr(checkpoint, "EVERY", -1.0)
    wrote, write = [], checkpoint.Checkpoint.write

    def killed(self, *what):
        write(self, *what)
        wrote.append(self.path)
        if len(wrote) == 50:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.Checkpoint, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        finetune.finetune("toy")
    assert wrote[0].exists() and {p.name: p.read_bytes() for p in folder.iterdir()} == before
    finetune.finetune("toy")
    assert len(wrote) == 120 and not wrote[0].exists()
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_several_ratios_and_an_unknown_objective_are_refused(asked):
    asked(members=2)
    with pytest.raises(BadSetting, match="members are densities"):
        finetune.finetune("toy")
    asked(objective="nre_d")
    with pytest.raises(BadSetting, match="nre_c"):
        finetune.finetune("toy")
