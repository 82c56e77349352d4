"""`addend logl`: S is the sum over the observations, however they lie, and rows unlike any simulation are remarked on."""

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from user_tables import TRUTH, rows, shipped, write

from addend import artifact, evaluated, places, shards
from addend.calibration import Record, Support
from addend.champions import champion
from addend.cli import app
from addend.doors import ingest, logl
from addend.encoder import Encoder
from addend.errors import BeyondTraining, StrangeObservations
from addend.modality import installed
from addend.registry import Registry
from addend.stages import evaluate, gather, resolve


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
    untaught = "3 of 23 rows of .*beyond.* t = 4 .*in row 21, where training drew -"
    with pytest.warns(BeyondTraining, match=untaught):
        ingest.ingest("toy", write(tmp_path / "beyond.csv", beyond), "beyond")
    with (
        pytest.warns(BeyondTraining, match=untaught),
        pytest.warns(
            StrangeObservations, match="3 of 23 rows of the set 'beyond' of 'toy'.*row 21 first"
        ),
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
        and "addend: BeyondTraining: 3 of 23 rows" in done.stderr
        and done.stderr.count("\n") == 2
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
