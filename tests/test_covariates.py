"""A covariate that training never reached is said, with its column, its value, the range and how many rows."""

import shutil
import warnings

import numpy as np
import pytest

from addend import answers, places, settings
from addend.covariates import beyond, ranges, warn_of_covariates
from addend.doors.ingest import ingest
from addend.errors import BeyondTraining
from addend.modality import Field, Schema
from addend.settings import FusionSettings
from addend.stages import evaluate, fuse, gather, resolve

SCHEMA = Schema(
    (Field("y", "1", "value"),),
    (Field("z", "1", "redshift"), Field("H_err", "km/s/Mpc", "quoted error")),
)


def pool(n=1000):
    """Covariates as training drew them, in steps: z to 2.3, errors from 1 to 60."""
    return {"y": np.zeros(n), "z": np.linspace(0, 2.3, n), "H_err": np.linspace(1, 60, n)}


def taught(columns):
    """What the manifest of an encoder says that was taught on such columns."""
    return {"schema": SCHEMA.as_dict(), "covariate_ranges": ranges(SCHEMA, columns)}


def test_a_redshift_beyond_training_is_named_with_its_range_and_rows():
    seen = {"y": np.zeros(4), "z": np.array([1, 2.5, 3, 2.3]), "H_err": np.full(4, 5.0)}
    (said,) = beyond(taught(pool()), seen, "far.csv")
    for part in ("2 of 4 rows of far.csv", "z = 3 ", "in row 3", "0 to 2.3"):
        assert part in said
    with pytest.warns(BeyondTraining, match="z = 3 "):
        warn_of_covariates(taught(pool()), seen, "far.csv")


def test_what_lies_below_is_said_as_what_lies_above_and_each_column_by_itself():
    seen = {"y": np.zeros(2), "z": np.array([-0.5, 1]), "H_err": np.array([5, 90.0])}
    low, high = beyond(taught(pool()), seen, "odd.csv")
    assert "z = -0.5" in low and "H_err = 90 [km/s/Mpc]" in high


def test_nothing_is_said_within_and_nothing_where_an_encoder_states_no_range():
    seen = {"y": np.zeros(2), "z": np.array([0, 2.3005]), "H_err": np.array([1, 60.0])}
    far = {**seen, "z": np.array([0, 1000.0])}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_covariates(taught(pool()), seen, "near.csv")
        warn_of_covariates({"schema": SCHEMA.as_dict()}, far, "far.csv")


def test_the_ends_of_the_law_raise_no_alarm_though_simulations_do_not_reach_them():
    """A pool of n uniform draws ends within 1e-3 of the width but for exp(-n / 1000): 2e-9 for two ends of 20 000."""
    drawn = np.random.default_rng(1).uniform(0, 1, 20_000)
    known = taught({"y": drawn, "z": drawn, "H_err": drawn})
    ends = {"y": np.zeros(2), "z": np.array([0.0, 1.0]), "H_err": np.array([0.0, 1.0])}
    assert beyond(known, ends, "ends.csv") == ()


@pytest.mark.slow
def test_a_fusion_says_it_when_it_evaluates_and_in_its_answer(project, file, monkeypatch):
    """The toy was taught at t from -1 to 1."""
    with pytest.warns(BeyondTraining, match=r"1 of 2 rows of given\.csv"):
        ingest("toy", file("t,y [1],y_err\n0.1,0.5,0.2\n4,0.2,0.1\n"), "far")
    asked = FusionSettings.from_dict("far", {"modalities": {"toy": {"set": "far"}}})
    monkeypatch.setattr(settings, "fusion", lambda root, name: asked)
    try:
        gather.gather("far")
        resolve.resolve("far")
        with pytest.warns(BeyondTraining, match="1 of 2 rows of the set 'far' of 'toy'"):
            evaluate.evaluate("far")
        fuse.fuse("far")
        said = answers.read_answer(places.fusion("far", "fit") / answers.ANSWER).warnings
        assert any("t = 4 [1] in row 2, where training drew" in s for s in said), said
    finally:
        for left in (places.observations("toy", "far"), places.fusion("far", "fit").parent):
            shutil.rmtree(left, ignore_errors=True)
