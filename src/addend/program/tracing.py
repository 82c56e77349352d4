"""From a torch module to a program: traced by `torch.export` with any batch, decomposed to ATen's core, written as data."""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.export.graph_signature import InputKind

from ..errors import UnfitProgram
from .graph import Graph, Node, Port
from .operations import DTYPES, ITEM, OPERATIONS, WHOLE
from .program import SUFFIXES

NAMES = {dtype: name for name, dtype in DTYPES.items()}
INTEGER = {"add": "size.add", "sub": "size.sub", "mul": "size.mul", "floordiv": "size.floordiv"}
CHECKS = ("aten._assert_scalar", "aten._assert_tensor_metadata", "aten.sym_constrain_range")
"""What a tracer adds to be told of surprises; nothing is made of it."""
WHERE = {"device", "layout", "pin_memory", "non_blocking", "memory_format"}
"""Arguments about memory: they change no number."""


def export(module: nn.Module, stem: Path, *examples: Tensor) -> None:
    """Write a module as `<stem>.json` and `<stem>.safetensors`; every example's first dimension is the batch.

    Raises:
        UnfitProgram: It cannot be traced, or does something that a program may not.
    """
    traced = _traced(module, examples)
    graph, weights = written(traced)
    text, numbers = (stem.with_name(stem.name + suffix) for suffix in SUFFIXES)
    said = graph.text()
    Graph.read(said, f"the module {type(module).__name__}")
    text.write_text(said, encoding="utf8")
    save_file(weights, numbers)


def _traced(module: nn.Module, examples: tuple[Tensor, ...]) -> Any:
    batch = torch.export.Dim("batch")
    shapes = tuple({0: batch} for _ in examples)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            traced = torch.export.export(module.eval(), examples, dynamic_shapes=shapes)
            return traced.run_decompositions(_decompositions())
    except Exception as e:  # the tracer raises whatever the module met
        raise UnfitProgram(
            f"the module {type(module).__name__} cannot be traced ({str(e).splitlines()[0]})",
            "write it with torch's own functions, without branches on values",
        ) from e


def _decompositions() -> Any:
    """torch's table for its core operations, less those that a program may name as they are: their numbers stay the same."""
    table = torch.export.default_decompositions()
    for operation in WHOLE:
        table.pop(operation, None)
    return table


def written(traced: Any) -> tuple[Graph, dict[str, Tensor]]:
    """What `torch.export` traced, as a graph and the weights that it names."""
    state = {**traced.state_dict, **traced.constants}
    held = {
        spec.arg.name: spec.target
        for spec in traced.graph_signature.input_specs
        if spec.kind is not InputKind.USER_INPUT
    }
    inputs: list[Port] = []
    nodes: list[Node] = []
    outputs: tuple[Port | None, ...] = ()
    for node in traced.graph.nodes:
        if node.op == "placeholder" and node.name not in held:
            inputs.append(_port(node))
        elif node.op == "call_function" and not str(node.target).startswith(CHECKS):
            nodes.append(_node(node, held))
        elif node.op == "output":
            outputs = tuple(o and _port(o) for o in node.args[0])
    graph = _needed(Graph(tuple(inputs), tuple(nodes), outputs))
    weights = {name: state[name].detach().clone().contiguous() for name in sorted(graph.weights)}
    return graph, weights


def _node(node: Any, held: dict[str, str]) -> Node:
    name = _operation(node)
    if name not in OPERATIONS:
        raise UnfitProgram(
            f"a program may not name the operation {name}",
            "write the module without it, or add it to addend.program.operations",
        )
    kwargs = {k: _said(v, held) for k, v in node.kwargs.items() if k not in WHERE}
    return Node(node.name, name, tuple(_said(a, held) for a in node.args), kwargs)


def _operation(node: Any) -> str:
    name = getattr(node.target, "__name__", str(node.target))
    if isinstance(node.target, torch._ops.OpOverload):
        return str(node.target)
    return ITEM if name == "getitem" else INTEGER.get(name, name)


def _said(argument: Any, held: dict[str, str]) -> Any:
    """An argument as JSON can say it."""
    if isinstance(argument, torch.fx.Node):
        known = argument.name in held
        return {"weight": held[argument.name]} if known else {"value": argument.name}
    if isinstance(argument, torch.dtype):
        return {"dtype": NAMES[argument]}
    if isinstance(argument, float) and abs(argument) == float("inf"):
        return {"number": str(argument)}
    if isinstance(argument, Iterable) and not isinstance(argument, str):
        return [_said(each, held) for each in argument]
    return argument


def _port(node: Any) -> Port:
    value = node.meta["val"]
    shape = (None, *(int(n) for n in value.shape[1:]))
    return Port(node.name, shape, NAMES[value.dtype])


def _needed(graph: Graph) -> Graph:
    """Without the nodes of which no output is made."""
    wanted, kept = {p.name for p in graph.outputs if p}, list[Node]()
    for node in reversed(graph.nodes):
        if node.name in wanted:
            kept.append(node)
            wanted |= set(node.named("value"))
    return Graph(graph.inputs, tuple(reversed(kept)), graph.outputs)
