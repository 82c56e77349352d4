"""What the stages write is the same, byte for byte, whichever BLAS kernel the processor asks for."""

import numpy as np
import pytest
from kernels import KERNEL, run_under

from addend.calibration import Support

KERNELS = ("", "Nehalem", "Prescott")  # the machine's own, and two that every x86-64 can run


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """sha256 of every file from simulate to register, and the kernel's fingerprint, under each kernel."""
    root = tmp_path_factory.mktemp("kernels")
    digests = {k: run_under(k, root / (k or "own"), ("toy",)) for k in KERNELS}
    return digests, {k: (root / (k or "own") / KERNEL).read_bytes() for k in KERNELS}


@pytest.mark.slow
def test_encoder_record_pin_and_pools_do_not_depend_on_the_kernel(written):
    digests, fingerprints = written
    assert len(set(fingerprints.values())) > 1, (
        "every kernel gave the same digits: nothing is shown"
    )
    own = digests[""]
    assert {p.split("/")[1] for p in own} == {"simulations", "encoders", "pins"}
    for kernel, found in digests.items():
        assert {p for p in own | found if own.get(p) != found.get(p)} == set(), kernel


@pytest.mark.parametrize("rank", [4, 3])
def test_the_support_measures_the_distances_that_lapack_s_whitening_measures(rank):
    rng = np.random.default_rng(rank)
    z = rng.standard_normal((4000, rank)) @ rng.standard_normal((rank, 4)) * [1, 10, 0.1, 3]
    support = Support.measure(z, np.random.default_rng(1))
    values, vectors = np.linalg.eigh(np.cov(z, rowvar=False))
    whiten = vectors / np.sqrt(np.maximum(values, 1e-12 * values[-1]))
    points = (z[np.random.default_rng(1).permutation(len(z))[:512]] - z.mean(axis=0)) @ whiten
    other = Support(z.mean(axis=0), whiten, points, support.k, support.distances)
    near, far = z[:200], z[:200] + rng.standard_normal((200, 4))
    for rows in (near, far):
        np.testing.assert_allclose(support.distance(rows), other.distance(rows), rtol=1e-6)
