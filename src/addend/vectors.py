"""Test vectors: a few observations and thetas, with psi at them when the encoder was made.

A digest says that a file is the one its manifest states, and whoever changes both is not found out
by it. The vectors say what the encoder must answer, wherever and by whatever code it is loaded.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from .artifact import CHANGED
from .calibration.additive import rounded
from .encoder import Encoder
from .errors import PsiChanged
from .modality import Columns
from .pools import theta_of

FILE = "vectors.safetensors"
ROWS = 8
TOLERANCE = 1e-10


def write(encoder: Encoder, pool: Columns, folder: Path) -> None:
    """Store `ROWS` rows of simulations, their thetas, and psi `(ROWS, ROWS)` of every pair of both."""
    rows = np.linspace(0, len(next(iter(pool.values()))) - 1, ROWS).astype(int)
    columns = {name: np.ascontiguousarray(pool[name][rows]) for name in encoder.schema.names}
    theta = np.ascontiguousarray(theta_of(pool, encoder.space.names)[rows])
    psi = np.array(rounded(encoder.outer(columns, torch.from_numpy(theta)).tolist()))
    stored = {f"columns.{name}": values for name, values in columns.items()}
    save_file(stored | {"theta": theta, "psi": psi}, Path(folder) / FILE)


def largest_difference(encoder: Encoder, folder: Path) -> float:
    """The largest |psi - stored|, in parts of |stored| where that exceeds one nat.

    Raises:
        PsiChanged: The encoder stores no points, or it exceeds `TOLERANCE`.
    """
    if FILE not in encoder.manifest["files"]:
        raise PsiChanged(
            f"encoder '{encoder.name}' of format {encoder.manifest['format']} stores no psi to hold",
            "its digests are right; finetune and register it again to have its psi verified too",
        )
    columns, theta, expected = _stored(encoder, folder)
    psi = encoder.outer(columns, torch.from_numpy(theta)).numpy()
    off = float((np.abs(psi - expected) / np.maximum(1, np.abs(expected))).max())
    if not off <= TOLERANCE:
        raise PsiChanged(
            f"psi of encoder '{encoder.name}' is off by {off:.2g} at its stored points, "
            f"expected at most {TOLERANCE:g}",
            CHANGED,
        )
    return off


def _stored(encoder: Encoder, folder: Path) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """The columns, theta `(ROWS, D)` and psi `(ROWS, ROWS)` that an encoder stores; `PsiChanged` where they are not that."""
    shapes: dict[str, tuple[int, ...]] = {
        f"columns.{field.name}": (ROWS, *field.shape) for field in encoder.schema.fields
    }
    shapes |= {"theta": (ROWS, len(encoder.space)), "psi": (ROWS, ROWS)}
    try:
        stored = load_file(Path(folder) / FILE)
    except Exception as e:  # safetensors has errors of its own
        raise PsiChanged(f"{FILE} cannot be read ({type(e).__name__})", CHANGED) from None
    found = {name: values.shape for name, values in stored.items() if values.dtype.kind in "fi"}
    if found != shapes:
        raise PsiChanged(
            f"{FILE} of encoder '{encoder.name}' holds other arrays than psi's", CHANGED
        )
    columns = {name: stored[f"columns.{name}"] for name in encoder.schema.names}
    return columns, stored["theta"], stored["psi"]
