"""What the loop takes at a step, and what the train pool holds."""

import numpy as np
import pytest
import torch

from addend import places, shards
from addend.sobol import BLOCK
from addend.stages import simulate
from addend.training import Rows


@pytest.mark.parametrize(
    ("n", "block", "size", "taken"),
    [(1000, 1, 100, 100), (1000, 64, 256, 256), (1000, 64, 10, 64), (40, 64, 256, 40)],
)
def test_a_batch_is_made_of_whole_blocks_and_an_epoch_meets_each_once(n, block, size, taken):
    rows, block = Rows(*torch.zeros(3, n, 1), block), min(block, n)
    batches = rows.batches(size, torch.Generator().manual_seed(0))
    epoch = torch.stack([next(batches) for _ in range(n // block * block // taken)])
    assert epoch.shape[1] == taken and len(epoch.unique()) == epoch.numel()
    blocks = epoch.reshape(-1, block)
    assert (blocks[:, 0] % block == 0).all() and (blocks.diff(dim=1) == 1).all()
    assert block == n or not torch.equal(torch.stack([next(batches) for _ in epoch]), epoch)


def test_the_train_pool_is_mirrored_pairs_in_even_blocks_and_the_others_are_not(project):
    pool, other = (shards.read_set(places.pool("toy", name)) for name in ("train", "audit"))
    theta = np.stack([pool.columns[k] for k in ("theta.toy.intercept", "theta.toy.slope")], axis=1)
    noise = pool.columns["y"] - theta[:, 0] - theta[:, 1] * pool.columns["t"]
    assert (theta[::2] == theta[1::2]).all() and np.allclose(noise[::2], -noise[1::2])
    cells = ((pool.columns["t"][:BLOCK:2] + 1) * BLOCK / 4).astype(int)
    assert (np.sort(cells) == np.arange(BLOCK // 2)).all()
    assert (pool.attrs["design"], other.attrs["design"]) == ("sobol", "independent")
    assert simulate.DESIGNS["calibrate"] == "independent"
