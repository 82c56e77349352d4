"""The calibration pages: every block that a record or a fusion's calibration fills is drawn, by its own numbers."""

import json

import numpy as np
import pytest

from addend.calibration import (
    Closure,
    Coverage,
    Mean,
    Normalisation,
    Outside,
    Ranks,
    Record,
    ScoreMoments,
    Support,
    TensionLaw,
)
from addend.calibration.blocks import (
    encoder_record,
    record_blocks,
)
from addend.calibration.gate import judge
from addend.calibration.neyman import Draws, learn
from addend.errors import BadSummary
from addend.fusion.blocks import critical_blocks, pulls_block, tension_block
from addend.parameters import Parameter, ParameterSpace
from addend.report.encoder_page import encoder_page, write_encoder
from addend.report.schema import validate_calibration

SPACE = ParameterSpace(
    (
        Parameter("a", "km", "the first", -2.0, 2.0, r"\alpha"),
        Parameter("b", "1", "the second", -2.0, 2.0),
    )
)
LEVELS = (0.68, 0.95)


@pytest.fixture(scope="module")
def record() -> Record:
    """Of the exact psi for x ~ N(theta, 1) in two dimensions, as `calibrate` would fill it."""
    rng = np.random.default_rng(0)
    cells, index = SPACE.draw(8, rng), np.repeat(np.arange(8), 500)
    gradient = rng.standard_normal((len(index), 2))
    nodes = np.linspace(-9, 9, 181)
    psi = -((nodes - cells[:, :1]) ** 2) / 2 - np.log(2 * np.pi) / 2
    z = rng.standard_normal((3000, 2))
    support = Support.measure(z, rng)
    parts = {
        "score": ScoreMoments.measure(
            SPACE.names, cells, index, gradient, np.tile(-np.eye(2), (len(index), 1, 1))
        ),
        "normalisation": Normalisation.integrate(
            SPACE.names, cells, psi[:, None, :], np.full(181, 0.1)
        ),
        "log_score": Mean.measure("log score", rng.standard_normal(100)),
        "outside_real": Outside.measure("real", support, z[:50] + 9.0),
    }
    for key in ("1", "N"):
        parts[f"ranks_{key}"] = Ranks.measure(SPACE.names, rng.random((500, 2)))
        parts[f"coverage_{key}"] = Coverage.measure(("joint", *SPACE.names), rng.random((500, 3)))
    parts["tarp_1"] = Coverage.measure(("closer than the truth",), rng.random(500))
    return Record("toy", SPACE.names, 20, True, parts, support)


def test_an_encoder_has_a_page_with_every_block_of_its_record(record, tmp_path):
    shown = encoder_record(
        record,
        SPACE,
        judge(record, {"trust": 1e9, "normalisation": 0.5}),
        title="A toy",
        version="3",
    )
    html = write_encoder(tmp_path, json.loads(json.dumps(shown, allow_nan=False))).read_text()
    drawn = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert drawn == {"ranks", "coverage", "trust", "score", "information", "normalisation"}
    assert "Encoder “toy”, version 3" in html and "outside the simulated support, real" in html
    assert encoder_page(shown).html == html


def test_a_refusal_is_on_the_first_screen_and_what_passed_is_folded_away(record):
    html = encoder_page(
        encoder_record(record, SPACE, judge(record, {"trust": 1e9, "normalisation": 0.5}))
    ).html
    first, folded = html.split("<details", 1)
    assert "No: it was refused." in first and "is needed: 1e+09 times" in first
    assert "integrates to one" not in first and "integrates to one" in folded


def test_an_empty_record_says_that_nothing_was_measured():
    html = encoder_page(encoder_record(Record("toy", SPACE.names, 20, False), SPACE)).html
    assert "has not been measured" in html and "<figure" not in html


def test_ranks_and_coverage_keep_their_counts(record):
    blocks = record_blocks(record)
    assert [(b["parameter"], b["n_obs"]) for b in blocks["ranks"]] == [
        ("a", 1),
        ("b", 1),
        ("a", 20),
        ("b", 20),
    ]
    assert all(sum(b["counts"]) == 500 for b in blocks["ranks"])
    assert blocks["coverage"][0]["hits"]["joint"] == record.parts["coverage_1"].inside[0].tolist()


def test_a_fusion_shows_critical_values_audit_pulls_and_tension():
    rng = np.random.default_rng(0)
    theta = SPACE.draw(400, rng)
    values = learn(Draws(SPACE.names, theta, rng.chisquare(2, 400)), LEVELS)
    closure = Closure.measure(
        SPACE.names, theta, theta + 0.1, np.full((400, 2), 0.1), LEVELS, np.ones((400, 2, 2))
    )
    blocks = {
        "audit": {"trials": 400, "levels": list(LEVELS), "hits": {"profile": [270, 380], "sandwich": [200, 300]}},
        "critical": critical_blocks(values, np.zeros(2), 2),
        "pulls": pulls_block(closure), "tension": tension_block(TensionLaw("all", rng.chisquare(2, 99)), 1.5),
    }  # fmt: skip
    validate_calibration(json.loads(json.dumps(blocks, allow_nan=False)))
    assert blocks["pulls"]["mean"] == pytest.approx({"a": 1.0, "b": 1.0})
    assert blocks["critical"][0]["profile"] == pytest.approx(2.279, abs=1e-3)
    drawn = encoder_page(
        {"name": "toy", "parameters": {p.name: p.as_dict() for p in SPACE}, **blocks}
    ).figures
    assert {f.name for f in drawn} == set(blocks)


def test_a_block_off_the_schema_is_refused_by_name():
    with pytest.raises(BadSummary, match=r"record.ranks\[0\].counts is missing"):
        encoder_page({"name": "toy", "parameters": {}, "ranks": [{"parameter": "a", "n_obs": 1}]})
