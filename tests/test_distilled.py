"""A head with its student in one artifact: psi stays the teacher's, and sums up to the student's reach are read from it."""

import math

import exact_line
import numpy as np
import pytest
import torch
from settled import ask
from test_exponential import NORMAL, Exact

from addend import places, shards
from addend.encoder import Encoder, coordinate_box
from addend.errors import BadSetting
from addend.fusion.tables import Table, tabulated
from addend.heads import Distilled
from addend.heads.distil import SHIFT, distil, reach
from addend.maximum import maximise
from addend.scalar import Lazy
from addend.stages import finetune

DISTIL = {"nodes": 7, "features": 6, "steps": 200, "rows": 3000}


class Tilted(Exact):
    """The teacher's psi and 0.01 nat a unit of the first coordinate."""

    def forward(self, z, e, phi):
        return super().forward(z, e, phi) + 0.01 * phi[..., 0]


def test_the_reach_of_a_tilted_student_is_what_its_tilt_says():
    """J of the location is E[exp(-phi_1)] = sinh(1): N = SHIFT^2 / (0.01^2 / sinh 1), the fit's noise being none."""
    generator = torch.Generator().manual_seed(3)
    phi = 2 * torch.rand(20_000, 2, generator=generator, dtype=torch.float64) - 1
    torch.manual_seed(3)
    z = phi[:, :1] + torch.exp(0.5 * phi[:, 1:]) * torch.randn(20_000, 1, dtype=torch.float64)
    found = reach(Tilted(NORMAL.law), NORMAL, z, z[:, :0], phi)
    assert found == pytest.approx(SHIFT**2 / (0.01**2 / math.sinh(1)), rel=0.06)


@pytest.fixture
def normal() -> Encoder:
    """An encoder of a normal law whose head has a student, fitted on 20,000 draws and held to 4,000 others."""
    torch.manual_seed(0)
    phi = 2 * torch.rand(24_000, 2, dtype=torch.float64) - 1
    z = phi[:, :1] + torch.exp(0.5 * phi[:, 1:]) * torch.randn(24_000, 1, dtype=torch.float64)
    student = distil(NORMAL, z[:20_000], z[:20_000, :0], [9, 9], features=16, steps=500)
    head = Distilled(NORMAL, student)
    head.reach.fill_(reach(student, NORMAL, z[20_000:], z[20_000:, :0], phi[20_000:]))
    encoder = exact_line.encoder(head)
    encoder.manifest["coordinates"] = coordinate_box(torch.nn.Identity(), exact_line.SPACE)
    return encoder


def test_sums_within_reach_are_read_from_the_student_and_ask_no_observation(normal, monkeypatch):
    """10,000 observations at a known theta: theta_hat is the teacher's to a tenth of an error, S near it to 0.01 nat."""
    head = normal.head
    print(
        f"reaches {float(head.reach):.3g} observations, leaves out {head.student.left_out.tolist()} nat"
    )
    assert float(head.reach) > 10_000
    z = 0.2 + torch.exp(torch.tensor(-0.15)) * torch.randn(10_000, 1, dtype=torch.float64)
    direct = Lazy.embedded(normal, z, z[:, :0], "normal")
    own = maximise(direct, 1)
    with monkeypatch.context() as patched:
        patched.setattr(Exact, "forward", lambda *of: pytest.fail("an observation was asked"))
        table = tabulated(direct)
    assert isinstance(table, Table) and table.reduced
    other = maximise(table, 1)
    assert float(((other.theta - own.theta) / own.std).abs().max()) < SHIFT
    near = own.theta + own.std * torch.randn(50, 2, dtype=torch.float64)
    off = table(near) - direct(near)
    assert float(off.std()) < 0.01
    head.reach.fill_(9_999)
    again = tabulated(direct)
    assert isinstance(again, Table) and not again.reduced


def trained(root, **distil) -> Encoder:
    if distil:
        ask(root, finetune={"distil": distil})
    finetune.finetune("toy")
    return Encoder.load(places.encoder("toy", "head"))


@pytest.mark.slow
def test_the_artifact_keeps_the_teacher_and_its_student(own_project):
    """psi is what it is without a student; how far the student reaches is in the file and the same again."""
    plain, encoder = trained(own_project), trained(own_project, **DISTIL)
    columns = shards.read_set(places.pool("toy", "audit")).columns
    theta = torch.from_numpy(plain.space.draw(7, np.random.default_rng(1)))
    psi = [made.outer(columns, theta) for made in (plain, encoder)]
    torch.testing.assert_close(*psi, rtol=0, atol=1e-12)
    assert isinstance(encoder.head, Distilled) and "distilled" in encoder.manifest["objective"]
    assert (
        encoder.head.student.omega.dtype
        == torch.float64
        == encoder.head.student.f.last.weight.dtype
    )
    again = trained(own_project, **DISTIL)
    for name, tensor in encoder.head.state_dict().items():
        other = again.head.state_dict()[name]
        if (
            name == "reach"
        ):  # found in float64 by a factorisation, whose last digit follows where its arrays lie
            torch.testing.assert_close(other, tensor, rtol=1e-12, atol=0)
        else:
            assert torch.equal(other, tensor), name
    assert float(again.head.reach) >= 0


def test_a_grid_that_is_too_large_is_refused(own_project):
    with pytest.raises(BadSetting, match="use fewer nodes a coordinate"):
        trained(own_project, **{**DISTIL, "nodes": 500})
