"""The doors: a table comes out as the same observations, a seed as the same mock ones, and all there is is shown."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import chi2
from user_tables import TRUTH, rows, shipped, write

from addend import places, shards
from addend.doors import ingest, listings
from addend.errors import SetExists, UnknownUnit
from addend.fusion.curves import FUSED, Curves, Samples
from addend.modality import installed
from addend.report.figures import BAND_OF
from addend.report.panels import drawings

MODALITIES = sorted(name for name, modality in installed().items() if modality.sets())


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A root with nothing in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(root):
    return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", MODALITIES)
def test_a_table_with_units_becomes_the_observations_that_ship(empty, name):
    modality, table, expected = shipped(name)
    units = {f.name: f.unit for f in modality.table.fields}
    shuffled = {column: table[column] for column in sorted(table, reverse=True)}
    ingest.ingest(name, write(empty / "mine.csv", shuffled, units), "mine")
    found = shards.read_set(places.observations(name, "mine"))
    assert found.attrs["mock"] is False and found.attrs["source"] == "mine.csv"
    for column in modality.schema.names:
        np.testing.assert_array_equal(found.columns[column], expected[column])


@pytest.mark.parametrize("name", MODALITIES)
def test_every_column_in_another_unit_is_refused(empty, name):
    modality, table, _ = shipped(name)
    units = {f.name: f.unit for f in modality.table.fields}
    for column in units:
        with pytest.raises(UnknownUnit, match=f"'{column}'.*furlong"):
            ingest.ingest(
                name, write(empty / "mine.csv", table, units | {column: "furlong"}), "mine"
            )
    assert not (empty / "data").exists()


def test_the_same_table_again_changes_no_byte_and_another_is_refused(empty):
    _, table, _ = shipped("toy")
    ingest.ingest("toy", write(empty / "mine.csv", table), "mine")
    before = files(empty / "data")
    ingest.ingest("toy", write(empty / "the_same.csv", table), "mine")
    with pytest.raises(SetExists, match="--append"):
        ingest.ingest("toy", write(empty / "other.csv", rows(table, slice(5))), "mine")
    assert files(empty / "data") == before


def test_appended_rows_follow_in_a_shard_of_their_own_and_once(empty):
    _, table, expected = shipped("toy")
    ingest.ingest("toy", write(empty / "first.csv", rows(table, slice(12))), "mine")
    before = files(empty / "data")
    for _ in range(2):
        found = ingest.ingest(
            "toy", write(empty / "more.csv", rows(table, slice(12, None))), "mine", append=True
        )
    assert [s.n for s in found.shards] == [12, 8]
    assert all(
        files(empty / "data")[p] == content for p, content in before.items() if p.name != "set.json"
    )
    for column, values in expected.items():
        np.testing.assert_array_equal(found.columns[column], values)


def test_mock_observations_are_determined_by_their_seed(project):
    made = {
        name: ingest.mock("toy", name, "line", TRUTH, seed)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    }
    y = {name: found.columns["y"] for name, found in made.items()}
    np.testing.assert_array_equal(y["a"], y["b"])
    assert not np.isin(y["a"], y["c"]).any()
    before = files(project / "data")
    ingest.mock("toy", "a", "line", TRUTH, 1)
    assert files(project / "data") == before
    with pytest.raises(SetExists):
        ingest.mock("toy", "a", "line", TRUTH, 2)


def test_mock_observations_scatter_about_their_truth_at_the_covariates_of_another_set(project):
    """The chi-square of N = 20 rows within the central 99.9 % of its law: a false alarm once in a thousand seeds."""
    found, like = (
        ingest.mock("toy", "a", "line", TRUTH, 1),
        shards.read_set(places.observations("toy", "line")),
    )
    c = found.columns
    assert found.attrs["mock"] and found.attrs["truth"] == TRUTH and found.attrs["like"] == "line"
    for name in ("t", "y_err"):
        np.testing.assert_array_equal(c[name], like.columns[name])
    statistic = (
        ((c["y"] - TRUTH["toy.intercept"] - TRUTH["toy.slope"] * c["t"]) / c["y_err"]) ** 2
    ).sum()
    low, high = chi2.ppf([0.0005, 0.9995], 20)
    print(f"chi2 = {statistic:.1f}, band {low:.1f} to {high:.1f}")
    assert low < statistic < high


def test_lists_say_what_there_is(project):
    text = listings.modalities() + "\n" + listings.fusions()
    print(text)
    assert "line (20)" in text and "version 1" in text and "toy.intercept, toy.slope" in text
    assert (
        "no champion" in text and "absent (no observations, found " in text and "optional" in text
    )


HATS = {"toy.intercept": 0.0, "toy.slope": 0.5}
ANSWER = SimpleNamespace(
    used=("toy",), parameters={p: SimpleNamespace(theta_hat=v) for p, v in HATS.items()}
)
"""As much of an answer as is drawn."""


def test_the_band_of_a_line_is_that_of_its_posterior():
    """Independent intercept (0.1) and slope (0.3): the half-width at t is hypot(0.1, 0.3 t).

    201 evenly spaced draws know a 68 % half-width to about 7 %; 25 % is 3.5 standard deviations.
    """
    draws = [0.0, 0.5] + np.random.default_rng(2).standard_normal((5000, 2)) * [0.1, 0.3]
    curves = Curves({FUSED: Samples(tuple(TRUTH), draws)})
    _, _, columns = shipped("toy")
    points = drawings(ANSWER, curves, {"toy": columns})["toy"].series["points"]
    np.testing.assert_array_equal(points.expected[0], 0.5 * columns["t"])
    np.testing.assert_array_equal(points.model_y[0], 0.5 * points.model_x)
    half = np.diff(np.quantile(points.model_y[1:], BAND_OF, axis=0), axis=0)[0] / 2
    print(f"half-widths {half}, expected {np.hypot(0.1, 0.3 * points.model_x)}")
    np.testing.assert_allclose(half, np.hypot(0.1, 0.3 * points.model_x), rtol=0.25)


def test_a_modality_whose_package_is_absent_has_no_panel(monkeypatch):
    monkeypatch.setenv("ADDEND_MODALITIES", "none")
    curves = Curves({FUSED: Samples(tuple(TRUTH), np.zeros((3, 2)))})
    assert drawings(ANSWER, curves, {}) == {}
