"""Weights from another team: a file of numbers, and nothing that can act."""

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

MOST = 2**31
"""Bytes of a file of weights."""


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, all finite; `ValueError` says what of them is wrong, as in "weights that ..."."""
    if (size := path.stat().st_size) > MOST:
        raise ValueError(f"weights of {size:,} bytes, at most {MOST:,} are read")
    try:
        found: dict[str, Tensor] = load_file(path)
    except Exception as e:  # safetensors has errors of its own, torch others
        raise ValueError(f"weights that cannot be read ({type(e).__name__})") from None
    for name, tensor in found.items():
        if not tensor.isfinite().all():
            raise ValueError(f"weights {name!r} that are not finite")
    return found
