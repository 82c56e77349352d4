"""An encoder that was once registered stays what it was, whatever the format of today's."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from addend.encoder import Encoder

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.mark.parametrize("name", ["encoder-format-1"])
def test_an_encoder_of_every_format_says_what_it_said_when_it_was_made(name):
    encoder = Encoder.load(FIXTURES / name)
    stored = json.loads((FIXTURES / f"{name}.json").read_text())
    columns = {k: np.array(v) for k, v in stored["columns"].items()}
    psi = encoder.pairs(columns, torch.tensor(stored["theta"], dtype=torch.float64))
    np.testing.assert_allclose(psi.numpy(), stored["psi"], rtol=1e-10, atol=1e-10)
