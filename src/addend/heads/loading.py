"""A head from another team: its settings and its weights, neither believed.

The head is first made of tensors that have a shape and no memory (torch's device `meta`), so that settings which ask for more
than the file of weights holds cost nothing; and it is tried on a few rows before it is believed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from .. import program
from ..errors import DISTRUST, UnfitHead
from ..program import weights
from .base import Head
from .kinds import build
from .stated import Stated

J, N = 2, 3


def load(stated: Mapping[str, Any], path: Path, z: int, e: int, k: int, what: str) -> Head:
    """The head that a manifest states, with the weights of a file, in float64 and without gradients.

    Arguments:
        stated: Its `kind` and `config`.
        path: The file of its weights.
        z, e, k: The features of an observation and of its covariates, and the coordinates of theta.
        what: What it is called in a sentence.

    Raises:
        UnfitHead: There is no such head, its weights are others or not finite, or it gives no psi `(J, N)`.
    """
    if stated["kind"] == Stated.kind:
        ports = [(None, n) for n in (z, e, k)]
        head: Head = Stated(program.load(path.with_suffix(""), ports, [(None,)]))
    else:
        head = _shape(stated, what)
        head.load_state_dict(_weights(path, head.state_dict(), what), assign=True)
    head.double().eval().requires_grad_(False)
    _try(head, z, e, k, what)
    return head


def _shape(stated: Mapping[str, Any], what: str) -> Head:
    try:
        with torch.device("meta"):
            return build(stated["kind"], stated["config"])
    except Exception as e:  # whatever a constructor makes of settings that are none of its own
        _refuse(f"{what} cannot be made of its settings ({type(e).__name__})")


def _weights(path: Path, expected: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    try:
        found = weights.read(path)
    except ValueError as e:
        _refuse(f"{what} has {e}")
    for name in sorted(set(found) ^ set(expected)):
        _refuse(f"{what} has the weights {name!r} in its file or in its settings, and not in both")
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape or tensor.dtype != expected[name].dtype:
            _refuse(f"{what} has weights {name!r} of another shape or dtype than its settings say")
    return found


def _try(head: Head, z: int, e: int, k: int, what: str) -> None:
    rows = [torch.zeros(n, size, dtype=torch.float64) for n, size in ((N, z), (N, e), (J, k))]
    try:
        made = tuple(head.outer(*rows).shape)
    except Exception as error:  # whatever torch makes of columns that are not there
        _refuse(f"{what} cannot be evaluated ({type(error).__name__})")
    if made != (J, N):
        _refuse(f"{what} makes {made} of {J} thetas and {N} observations")


def _refuse(said: str) -> NoReturn:
    raise UnfitHead(said, DISTRUST)
