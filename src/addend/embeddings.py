"""z and e of a shard, kept for as long as the encoder and the shard are what they are.

A safetensors file states, as its metadata, one digest of everything that it is:

    made = sha256(encoder's digest, shard's digest, then of z and of e: name, dtype, shape and little-endian bytes)

so that damage, and a file under another's name, are found before a number of it is used.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from .durable import written_beside
from .errors import TamperedFile

KEY = "made"


@dataclass(frozen=True)
class Made:
    """What an embedding is of: the digests of the encoder and of the shard, and the shard's number of rows."""

    encoder: str
    shard: str
    n: int


def write(path: Path, made: Made, z: Tensor, e: Tensor) -> None:
    """Keep z `(n, Z)` and e `(n, E)`."""
    tensors = {"z": z.contiguous(), "e": e.contiguous()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_beside(path) as temporary:
        save_file(tensors, temporary, metadata={KEY: _digest(made, tensors)})


def read(path: Path, made: Made) -> dict[str, Tensor]:
    """z `(n, Z)` and e `(n, E)`.

    Raises:
        TamperedFile: The file is damaged, was made of something else, or has not the shard's number of rows.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in ("z", "e")}
            stated = (file.metadata() or {}).get(KEY)
    except Exception as e:  # whatever safetensors makes of damaged bytes, it is one mistake
        raise _tampered(path, f"it cannot be read ({type(e).__name__})") from None
    if stated != _digest(made, tensors):
        raise _tampered(path, "its content is not what it states, of this encoder and shard")
    if any(len(tensor) != made.n for tensor in tensors.values()):
        raise _tampered(path, f"it has {len(tensors['z'])} rows, expected {made.n}")
    return tensors


def _digest(made: Made, tensors: Mapping[str, Tensor]) -> str:
    sha = hashlib.sha256(json.dumps([made.encoder, made.shard]).encode())
    for name in ("z", "e"):
        values = tensors[name].numpy()
        sha.update(json.dumps([name, str(values.dtype), values.shape]).encode())
        sha.update(values.tobytes())
    return sha.hexdigest()


def _tampered(path: Path, what: str) -> TamperedFile:
    return TamperedFile(
        f"{path} is not what was written: {what}",
        "remove it, and the next 'dvc repro' makes it again",
    )
