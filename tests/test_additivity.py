"""What addition promises: no order, no neighbour and no shard matters, and an encoder stands alone."""

import shutil
import subprocess
import sys
from contextlib import chdir

import numpy as np
import pytest
import torch

from addend import artifact, places, shards
from addend.encoder import Encoder
from addend.evaluated import read_terms
from addend.scalar import Lazy, Sum


@pytest.fixture(scope="module")
def fused(demo):
    """S of the fusion `real`, its observations, and theta `(50, D)` from its support."""
    torch.set_num_threads(1)
    with chdir(demo):
        terms = read_terms("real")
        observations = {
            m: shards.read_set(places.fusion("real", "observations") / m).columns
            for m in terms.used
        }
    return (
        terms,
        observations,
        torch.from_numpy(terms.scalar.space.draw(50, np.random.default_rng(1))),
    )


def relative(a, b):
    return float(((a - b).abs() / b.abs().clamp_min(1.0)).max())


def test_adding_modalities_in_another_order_changes_nothing(fused):
    terms, _, theta = fused
    backwards = Sum(reversed(terms.scalar.flat), terms.scalar.space)
    assert relative(backwards(theta), terms.scalar(theta)) < 1e-9


def test_permuting_and_splitting_observations_changes_nothing(fused):
    terms, observations, theta = fused
    for name, encoder in terms.psi.items():
        columns = observations[name]
        n = len(next(iter(columns.values())))
        order = np.random.default_rng(2).permutation(n)
        parts = [
            Lazy(encoder, {k: v[rows] for k, v in columns.items()})
            for rows in np.array_split(order, 3)
        ]
        own = theta[:, terms.scalar.space.index(encoder.space.names)]
        assert relative(sum(parts)(own), Lazy(encoder, columns)(own)) < 1e-9


def test_removing_a_modality_removes_exactly_its_term(fused):
    terms, _, theta = fused
    S = terms.scalar
    for name in terms.used:
        rest = S.without(name).on(S.space)
        term = S.terms[name].on(S.space)
        assert relative(rest(theta) + term(theta), S(theta)) < 1e-12


@pytest.mark.slow
def test_training_alone_or_beside_others_gives_the_same_bits(small_project, tmp_path):
    roots = [tmp_path / name for name in ("one", "other")]
    for root in roots:
        shutil.copytree(small_project, root, ignore=shutil.ignore_patterns("store"))
        shutil.rmtree(root / "data" / "encoders" / "toy" / "head")
    side_by_side = [subprocess.Popen([sys.executable, "-c", TRAIN], cwd=root) for root in roots]
    assert [p.wait(timeout=120) for p in side_by_side] == [0, 0]
    digests = {
        artifact.digest(root / "data" / "encoders" / "toy" / "head")
        for root in [small_project, *roots]
    }
    assert len(digests) == 1


TRAIN = "from addend.stages import finetune; finetune.finetune('toy')"


@pytest.mark.slow
def test_an_encoder_is_loaded_and_evaluated_without_its_package(small_project, project):
    folder = places.encoder("toy", "head").resolve()
    code = (
        "import sys; sys.meta_path.insert(0, type('No', (), {'find_spec': staticmethod(lambda name, *a: "
        "(_ for _ in ()).throw(ImportError(name)) if name.startswith('addend_') else None)})())\n"
        "import torch\nfrom addend.encoder import Encoder\n"
        f"e = Encoder.load({str(folder)!r})\n"
        "print(repr(float(e.outer({'y': [0.1], 't': [0.2], 'y_err': [0.3]}, torch.zeros(1, 2, dtype=torch.float64)))))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = Encoder.load(folder).outer(
        {"y": [0.1], "t": [0.2], "y_err": [0.3]}, torch.zeros(1, 2, dtype=torch.float64)
    )
    assert float(said.stdout) == float(here)
