"""One node of a program as a call: its arguments read as far as they can be before there are any values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from .graph import INFINITE, Node
from .operations import DTYPES, OPERATIONS

MAKING = {"aten.full.default", "aten.scalar_tensor.default", "aten.arange.start_step"}
"""Operations that take no tensor: theirs are made where the inputs are."""


class Call:
    """What a node does with the values that are there."""

    def __init__(self, node: Node):
        self.operation, self.made = OPERATIONS[node.op], node.op in MAKING
        self.args = [_argument(a) for a in node.args]
        self.kwargs = {k: _argument(a) for k, a in node.kwargs.items()}

    def __call__(self, values: Mapping[Any, Any], where: torch.device) -> Any:
        args = [_filled(a, values) for a in self.args]
        kwargs = {k: _filled(a, values) for k, a in self.kwargs.items()}
        return self.operation(*args, **kwargs, **({"device": where} if self.made else {}))


@dataclass(frozen=True)
class _Read:
    """A value that is not there yet, by its key among those that a node reads."""

    key: Any


def _argument(stated: Any) -> Any:
    """An argument as it is written, to the argument itself or what to read."""
    if isinstance(stated, list):
        return [_argument(each) for each in stated]
    if not isinstance(stated, dict):
        return stated
    ((kind, name),) = stated.items()
    known: Mapping[str, Mapping[str, Any]] = {"dtype": DTYPES, "number": INFINITE}
    if kind in known:
        return known[kind][name]
    return _Read(name if kind == "value" else (kind, name))


def _filled(argument: Any, values: Mapping[Any, Any]) -> Any:
    if type(argument) is _Read:
        return values[argument.key]
    if type(argument) is list:
        return [_filled(each, values) for each in argument]
    return argument
