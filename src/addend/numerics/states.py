"""What a training remembers, as tensors by name: those of a module and of Adam."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

Tensors = Mapping[str, Tensor]


def under(prefix: str, tensors: Tensors) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of the name."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def named(prefix: str, tensors: Tensors) -> dict[str, Tensor]:
    """The tensors with that before their names."""
    return {f"{prefix}{k}": v for k, v in tensors.items()}


def moments(adam: torch.optim.Adam) -> dict[str, Tensor]:
    """What Adam remembers of each weight, by the weight's place and the part's name."""
    state = adam.state_dict()["state"]
    return {f"{k}.{part}": x for k, parts in state.items() for part, x in parts.items()}


def resume(adam: torch.optim.Adam, kept: Tensors) -> None:
    """Adam goes on with what `moments` gave; as it began where that is nothing."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, x in kept.items():
        k, _, part = name.partition(".")
        state.setdefault(int(k), {})[part] = x.cpu() if part == "step" else x
    if state:
        adam.load_state_dict({**adam.state_dict(), "state": state})


def copied(module: nn.Module) -> dict[str, Tensor]:
    """The weights of a module as they are now."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
