"""Holding an encoder against its simulator: exact ones are found exact, and every planted error is found and named."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from addend_toy.line import Toy
from calibration_oracles import within
from exact_line import Drifted, Line, encoder
from scipy import stats

from addend.calibration import Coverage, Record, judge
from addend.calibration.conclusion import total
from addend.calibration.measure import PARTS, cells_over, measure_part, normalisation
from addend.calibration.neighbourhood import Neighbourhood
from addend.heads import Head
from addend.modality import Field, Modality, Schema
from addend.parameters import Parameter, ParameterSpace
from addend.settings import EncoderCalibration

AMOUNT = EncoderCalibration(
    seed=7, expected=20, cells=16, simulations=6400, datasets=1024, points=512
)
SHIPPED = yaml.safe_load(
    (Path(__file__).parent.parent / "modalities" / "toy" / "params.yaml").read_text()
)["register"]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def parts_of(
    head: Head, modality: Modality | None = None, amount: EncoderCalibration = AMOUNT
) -> list[Record]:
    return [measure_part(encoder(head), modality or Toy(), amount, part) for part in range(PARTS)]


def refused(record: Record) -> set[str]:
    """What the thresholds that ship with the toy refuse."""
    verdict = judge(record, SHIPPED)
    print(verdict.reason)
    return {c.name for c in verdict.checks if not c.passed}


@pytest.fixture(scope="module")
def exact() -> list[Record]:
    return parts_of(Line())


def test_an_exact_encoder_passes_the_shipped_thresholds(exact):
    """False alarms: 1e-4, nearly all of them the curvature's, whose error here is a quarter of what is allowed."""
    assert refused(total(exact)) == set()


def test_its_regions_cover_and_its_ranks_are_uniform(exact):
    """Three kinds of count for 1 and for 20 observations; each fails at most at 1e-3, all together at 6e-3."""
    record = total(exact)
    for key, part in record.parts.items():
        if isinstance(part, Coverage):
            print(key, part.coverage.round(3))
            assert (np.abs(part.coverage - part.levels) < part.halfwidth(1e-3)).all()
    assert record.parts["coverage_N"].n == 1024
    assert min(record.parts[f"ranks_{key}"].p_values().min() for key in "1N") > 1e-3 / 4


@pytest.mark.parametrize(("sharpen", "word"), [(2.0, "overconfident"), (0.5, "underconfident")])
def test_an_encoder_of_the_wrong_width_is_refused_for_it(sharpen, word):
    record = total(parts_of(Line(sharpen=sharpen)))
    assert {"coverage", "curvature"} <= refused(record)
    assert word in judge(record, SHIPPED).reason
    joint = record.parts["coverage_N"].at(0.68)[0]
    assert joint < 0.6 if sharpen > 1 else joint > 0.76


def test_a_ratio_of_unequal_priors_is_refused():
    """Classes under different theta laws add log pi_1/pi_0 to psi, here a tilt, once an observation."""
    assert {"trust", "normalisation"} <= refused(total(parts_of(Line(tilt=1.0))))


def test_a_simulator_whose_noise_grew_is_noticed():
    record = total(parts_of(Line(), Drifted(noise=1.5)))
    assert {"coverage", "curvature"} <= refused(record)
    assert "overconfident" in judge(record, SHIPPED).reason


def test_a_simulator_that_shifted_is_noticed():
    assert "trust" in refused(total(parts_of(Line(), Drifted(shift=0.1))))


def test_the_parts_of_a_record_add_up_in_any_order(exact):
    shards = [Record.from_dict(json.loads(json.dumps(r.as_dict(), allow_nan=False))) for r in exact]
    whole, other = total(exact), total([total(shards[5:]), total(shards[:5])])
    for key, part in whole.parts.items():
        again = other.parts[key].as_dict()
        for name, value in part.as_dict().items():
            assert name in ("names", "exact") or np.allclose(value, again[name], rtol=1e-12), (
                key,
                name,
            )
    assert judge(whole, SHIPPED).as_dict() == judge(other, SHIPPED).as_dict()


def test_the_same_seed_measures_the_same_and_parts_differ():
    tiny = replace(AMOUNT, cells=4, simulations=80, datasets=64, points=32)
    one, two = (
        json.dumps(measure_part(encoder(Line()), Toy(), tiny, part=3).as_dict()) for _ in range(2)
    )
    assert one == two
    assert one != json.dumps(measure_part(encoder(Line()), Toy(), tiny, part=4).as_dict())


def test_a_neighbourhood_is_a_normal_law_within_the_bounds():
    """Against its analytic form where the bounds are far; binomial bounds at a false-alarm rate of 1e-3."""
    low, high, J = np.full(2, -10.0), np.full(2, 10.0), np.array([[4.0, 1.0], [1.0, 9.0]])
    near = Neighbourhood.around(np.zeros(2), J, 25, low, high, reach=2.0)
    law = stats.multivariate_normal(np.zeros(2), 4 * np.linalg.inv(25 * J + np.diag([0.03, 0.03])))
    theta = near.draw(4000, np.random.default_rng(1))
    assert np.allclose(np.diff(near.log_density(theta)), np.diff(law.logpdf(theta)))
    assert within(
        int(((near.whitened(theta) ** 2).sum(axis=1) < stats.chi2.ppf(0.68, 2)).sum()), 4000, 0.68
    )
    at_the_corner = Neighbourhood.around(high, 0 * J, 25, low, high).draw(
        4000, np.random.default_rng(2)
    )
    assert ((at_the_corner >= low) & (at_the_corner <= high)).all() and at_the_corner.min() < -8


class Copies(Modality):
    """d copies of theta, each with unit noise: x_k = theta + n_k."""

    name, title, parameters = "copies", "Copies of theta", ("theta",)

    def __init__(self, d: int):
        copies = tuple(
            Field(f"x{k}", "1", "a copy", present="all" if k else None) for k in range(d)
        )
        self.schema = Schema(copies, (Field("all", "1", "1 where there is more than one copy"),))

    def covariates(self, n, rng):
        return {"all": (rng.random(n) < 0.7).astype(float)}

    def simulate(self, theta, covariates, rng):
        return {
            f.name: theta[:, 0] + rng.standard_normal(len(theta)) for f in self.schema.observables
        }

    def read(self, table):
        return dict(table)


class Tilted(Head):
    """log N(z; theta, 1) + `tilt` theta, as a density or, of one copy, as a ratio to p_0 under theta uniform on [-2, 2]."""

    kind = "tilted"

    def __init__(self, tilt: float, ratio: bool):
        super().__init__()
        self.tilt, self.normalised = tilt, not ratio

    def forward(self, z, e, phi):
        normal = -0.5 * (z - phi) ** 2 - 0.5 * math.log(2 * math.pi)
        if not self.normalised:
            normal = normal - ((torch.special.ndtr(z + 2) - torch.special.ndtr(z - 2)) / 4).log()
        shown = torch.cat([torch.ones_like(e), e.expand(*e.shape[:-1], z.shape[-1] - 1)], dim=-1)
        return (normal * shown).sum(-1) + self.tilt * phi[..., 0]

    def loss(self, z, e, phi, generator=None):
        return -self(z, e, phi).mean()

    def config(self):
        return {"tilt": self.tilt, "ratio": not self.normalised}


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("tilt", [0.0, 0.1])
def test_a_tilted_normalisation_is_found_at_its_size_in_any_dimension(d, tilt):
    """Exactly by quadrature; by importance within 4.5 of its errors. Rows that lack an observable are passed over."""
    space = ParameterSpace((Parameter("theta", "1", "a number", -2.0, 2.0),))
    cells = cells_over(space, 8, seed=1)
    z = normalisation(
        encoder(Tilted(tilt, ratio=False), Copies(d), space),
        Copies(d),
        cells,
        np.random.default_rng(3),
    )
    print(z.log_z - tilt * cells[:, 0], z.error)
    assert (np.abs(z.log_z - tilt * cells[:, 0]) < 1e-9 + 4.5 * z.error).all()
    assert z.error.max() < (1e-9 if d < 3 else 0.05)


def test_a_ratio_is_normalised_over_its_own_reference():
    space = ParameterSpace((Parameter("theta", "1", "a number", -2.0, 2.0),))
    cells = cells_over(space, 8, seed=1)
    z = normalisation(
        encoder(Tilted(0.1, ratio=True), Copies(1), space),
        Copies(1),
        cells,
        np.random.default_rng(4),
    )
    assert (np.abs(z.log_z - 0.1 * cells[:, 0]) < 4.5 * z.error).all() and z.error.max() < 0.05
