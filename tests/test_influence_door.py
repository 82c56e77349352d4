"""`addend influence`: which row pulls theta_hat, against fits without it."""

import csv

import pytest
import torch

from addend.doors.influence import Pull, influence, pulls
from addend.errors import BadSetting, NoObservations
from addend.evaluated import read_terms
from addend.fusion.terms import Terms
from addend.maximum import maximise
from addend.scalar import Lazy, Scaled, Sum


@pytest.fixture
def real(demo, monkeypatch) -> Terms:
    monkeypatch.chdir(demo)
    torch.set_num_threads(1)
    return read_terms("real")


def test_a_row_s_pull_is_what_taking_a_twentieth_of_it_away_does_twenty_times(real):
    """Of the three rows that pull most on H0, within a tenth: what is second order in a twentieth of a row."""
    fit = maximise(real.scalar)
    rows = [pull for pull in pulls(real, fit) if pull.row is not None]
    for pull in sorted(rows, key=lambda p: -abs(p.shift[0]))[:3]:
        lessened = maximise(
            Sum([*real.scalar.flat, Scaled(row_of(real.scalar, pull), -0.05)], real.scalar.space)
        )
        shift = 20 * (lessened.theta - fit.theta) / fit.std
        print(pull.what, shift.tolist(), pull.shift.tolist())
        assert float((shift - torch.from_numpy(pull.shift)).abs().max()) < 0.1 * float(
            shift.abs().max()
        )


def row_of(scalar: Sum, pull: Pull) -> Lazy:
    term, row = scalar.terms[pull.term], slice(pull.row - 1, pull.row)
    return Lazy.embedded(term.encoder, term.z[row], term.e[row])


def test_rows_add_up_to_shards_shards_to_modalities_and_all_terms_to_nothing(real, tmp_path):
    text = influence("real", tmp_path / "influence.csv")
    assert all(name in text for name in real.scalar.space.names) and "row" in text
    with (tmp_path / "influence.csv").open() as handle:
        table = list(csv.DictReader(handle))
    rows, shards, whole = (
        [t for t in table if bool(t["row"]) == r and bool(t["shard"]) == s]
        for r, s in ((1, 1), (0, 1), (0, 0))
    )
    assert len(rows) == real.scalar.n and [t["term"] for t in whole] == list(real.scalar.terms)
    for name in real.scalar.space.names:
        assert sum(float(t[name]) for t in whole) == pytest.approx(0, abs=1e-3)
        for modality in real.used:
            sums = [
                sum(float(t[name]) for t in group if t["term"] == modality)
                for group in (rows, shards, whole)
            ]
            assert sums == pytest.approx(sums[:1] * 3, abs=1e-3)


def test_what_cannot_be_asked_is_refused(project, tmp_path):
    with pytest.raises(NoObservations, match="have not been evaluated"):
        influence("needs_champion")
    with pytest.raises(BadSetting, match="no fusion 'reel'"):
        influence("reel")
    with pytest.raises(BadSetting, match="cannot be written"):
        influence("alone", tmp_path / "no" / "such.csv")
