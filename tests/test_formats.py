"""An encoder that was once registered stays what it was, whatever the format of today's.

`encoder-format-3` was made before artifacts carried values of psi, which are beside it in `encoder.json`, and converted from
format to format. Formats 1 and 2 held archives that run code in whoever loads them: nothing reads them any more.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

from addend import vectors
from addend.doors.verify import verify
from addend.encoder import Encoder

FIXTURES = Path(__file__).parent / "fixtures"
KEPT = FIXTURES / "encoder-format-3"
STORED = json.loads((FIXTURES / "encoder.json").read_text())


def test_the_kept_encoder_says_what_it_said_when_it_was_made():
    encoder = Encoder.load(KEPT)
    columns = {k: np.array(v) for k, v in STORED["columns"].items()}
    psi = encoder.pairs(columns, torch.tensor(STORED["theta"], dtype=torch.float64))
    np.testing.assert_allclose(psi.numpy(), STORED["psi"], rtol=1e-10, atol=1e-10)


def test_converting_an_encoder_keeps_its_numbers():
    """What verify holds it to is what was stored before there was anything to convert."""
    kept = load_file(KEPT / vectors.FILE)["psi"].diagonal()
    np.testing.assert_allclose(kept, STORED["psi"][: len(kept)], rtol=1e-10, atol=1e-10)


def test_the_kept_encoder_is_verified():
    said = verify(str(KEPT))
    assert said.startswith("toy ") and "psi at 64 stored points is what it was" in said
