"""The registered supernovae encoder on the published table, held to the exact likelihood; read where the table lies."""

from contextlib import chdir

import pytest
import torch

from addend.champions import champion
from addend.encoder import Encoder
from benchmarks.see import published, supernovae


@pytest.mark.skipif(published() is None, reason="DES-Dovekie_HD.csv is not at hand")
def test_om_of_the_published_table_is_that_of_the_exact_likelihood(demo):
    """theta_hat within 0.15 sigma and its width within 5 %; N* beyond the 1820 that are summed, without a correction."""
    torch.set_num_threads(1)
    with chdir(demo):
        found = supernovae(Encoder.load(champion("supernovae")), published())
    print(found)
    assert found["N"] == 1820 and found["N* at least"] > 1820
    assert abs(found["off [sigma]"]) < 0.15 and abs(found["width ratio"] - 1) < 0.05
    assert found["Om exact"] == pytest.approx(0.349, abs=0.001)
    assert found["error"] == pytest.approx(0.011, abs=0.0005)
