"""The doors: what goes in as a table comes out as the same observations, and S is the sum over them, however they lie."""

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from addend import artifact, evaluated, places, shards
from addend.calibration import Record, Support
from addend.champions import champion
from addend.cli import app
from addend.doors import ingest, listings, logl
from addend.encoder import Encoder
from addend.errors import SetExists, StrangeObservations, UnknownUnit
from addend.fusion.curves import FUSED, Curves, Samples
from addend.modality import installed
from addend.registry import Registry
from addend.report.figures import BAND_OF
from addend.report.panels import drawings
from addend.stages import evaluate, gather, resolve

MODALITIES = sorted(installed())
TRUTH = {"toy.intercept": -0.2, "toy.slope": 0.4}


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A root with nothing in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def points(tmp_path):
    """theta `(25, 2)` over the toy's support, and its table."""
    theta = np.random.default_rng(0).uniform(-3, 3, (25, 2))
    return theta, write(
        tmp_path / "points.csv", {"toy.intercept": theta[:, 0], "toy.slope": theta[:, 1]}
    )


@pytest.fixture
def terms(project):
    """The terms of a fusion of the toy alone."""
    for stage in (gather.gather, resolve.resolve, evaluate.evaluate):
        stage("alone")
    return evaluated.read_terms("alone")


def write(path, columns, units=None):
    """Columns as a user's table, units in brackets, a NaN as a blank cell."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(f"{name} [{units[name]}]" if units else name for name in columns)
        rows.writerows(
            ["" if np.isnan(v) else repr(float(v)) for v in row]
            for row in zip(*columns.values(), strict=True)
        )
    return path


def shipped(name):
    """The modality, its first set as a table, and that set as observations."""
    modality = installed()[name]
    table = next(iter(modality.sets().values()))
    return modality, table, modality.read(table)


def rows(columns, chosen):
    return {name: values[chosen] for name, values in columns.items()}


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


def test_logl_is_the_sum_of_the_outer_product(project, points, capsys):
    theta, path = points
    values = logl.logl("toy", "line", path)
    columns = shards.read_set(places.observations("toy", "line")).columns
    expected = (
        Encoder.load(champion("toy")).outer(columns, torch.from_numpy(theta)).sum(dim=1).numpy()
    )
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    written = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(written[0]) == ["toy.intercept", "toy.slope", "logl_nats"]
    assert [float(row["logl_nats"]) for row in written] == values.tolist()
    assert [[float(row[p]) for p in TRUTH] for row in written] == theta.tolist()


def test_logl_needs_no_package_and_passes_over_parameters_of_others(
    project, points, tmp_path, monkeypatch
):
    theta, path = points
    expected = logl.logl("toy", "line", path, tmp_path / "here.csv")
    monkeypatch.setenv("ADDEND_MODALITIES", "none")
    assert not installed()
    columns = {"Om": np.full(25, 0.3), "toy.slope": theta[:, 1], "toy.intercept": theta[:, 0]}
    given, out = write(tmp_path / "p.csv", columns), tmp_path / "there.csv"
    app(["logl", "toy", "--set=line", f"--theta={given}", f"--out={out}"], standalone_mode=False)
    assert (tmp_path / "here.csv").read_bytes() == (tmp_path / "there.csv").read_bytes()
    assert len(expected) == 25 and np.isfinite(expected).all()


@pytest.fixture
def recorded(project, tmp_path, monkeypatch):
    """The project with another registry, whose champion knows what its simulations looked like."""
    folder = shutil.copytree(places.encoder("toy", "head"), tmp_path / "recorded")
    encoder = Encoder.load(folder)
    simulated = torch.cat(
        encoder.embed(shards.read_set(places.pool("toy", "train")).columns), dim=1
    ).numpy()
    support = Support.measure(simulated, np.random.default_rng(1))
    (folder / artifact.RECORD).write_text(
        json.dumps(Record("toy", encoder.space.names, 20, True, {}, support).as_dict())
    )
    facts = {k: v for k, v in encoder.manifest.items() if k not in ("files", "format")}
    artifact.write_manifest(folder, facts, [*encoder.manifest["files"], artifact.RECORD])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    registry = Registry()
    registry.promote(registry.register("toy", folder, {}, {}), "for the test")


@pytest.mark.slow
def test_rows_unlike_any_simulation_are_counted_on_standard_error(
    recorded, project, points, tmp_path
):
    """Three points at t = 4 beside the line's own, which are drawn from within [-1, 1]."""
    _, table, _ = shipped("toy")
    far = {"t": 4.0, "y": 2.5, "y_err": 0.3}
    beyond = {
        name: np.concatenate([values, np.full(3, far[name])]) for name, values in table.items()
    }
    ingest.ingest("toy", write(tmp_path / "beyond.csv", beyond), "beyond")
    with pytest.warns(
        StrangeObservations, match="3 of 23 rows of the set 'beyond' of 'toy'.*row 21 first"
    ):
        expected = logl.logl("toy", "beyond", points[1], tmp_path / "here.csv")
    command = ["addend", "logl", "toy", "--set", "beyond", "--theta", points[1]]
    done = subprocess.run(
        [Path(sys.executable).with_name("addend"), *command[1:]],
        cwd=project,
        capture_output=True,
        text=True,
    )
    print(done.stderr)
    assert (
        done.returncode == 0
        and done.stdout == (tmp_path / "here.csv").read_text()
        and np.isfinite(expected).all()
    )
    assert (
        done.stderr.startswith("addend: StrangeObservations: 3 of 23 rows")
        and done.stderr.count("\n") == 1
    )


def test_rows_like_the_simulations_pass_without_a_word(recorded, points, tmp_path):
    """20 rows, each outside with probability 1/1000: the shipped set would be remarked on once in fifty seeds of its own."""
    logl.logl("toy", "line", points[1], tmp_path / "out.csv")


def test_the_order_of_the_thetas_changes_nothing(project, points, tmp_path):
    theta, path = points
    order = np.random.default_rng(1).permutation(25)
    shuffled = write(
        tmp_path / "shuffled.csv", {"toy.slope": theta[order, 1], "toy.intercept": theta[order, 0]}
    )
    np.testing.assert_allclose(
        logl.logl("toy", "line", shuffled), logl.logl("toy", "line", path)[order], rtol=1e-12
    )


@pytest.mark.parametrize("shard_rows", [None, 1, 7])
def test_permuting_observations_and_splitting_them_otherwise_changes_nothing(
    project, points, shard_rows
):
    """S to 1e-9 of itself."""
    modality, _, columns = shipped("toy")
    expected = logl.logl("toy", "line", points[1])
    order = np.random.default_rng(shard_rows or 0).permutation(len(columns["y"]))
    facts = {"modality": "toy", "set": "again", "mock": False}
    made = shards.write_set(
        places.observations("toy", "again"),
        rows(columns, order),
        modality.schema,
        facts,
        shard_rows,
    )
    found = logl.logl("toy", "again", points[1])
    print(
        f"{len(made.shards)} shards, largest relative change {np.abs(found / expected - 1).max():.1e}"
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_fusing_sums_what_the_door_shows(terms, points):
    found = terms.scalar(torch.from_numpy(points[0])).detach().numpy()
    np.testing.assert_allclose(found, logl.logl("toy", "line", points[1]), rtol=1e-12)


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
