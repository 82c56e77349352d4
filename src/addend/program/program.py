"""A program made runnable: its graph, its weights, and a torch module that goes through the one with the other.

Before it is returned, `load` runs it once on tensors that have a shape and no memory (torch's device `meta`), for two sizes of
the batch: what comes out has the shapes and dtypes that are stated, and nothing on the way is larger than any network needs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from ..errors import DISTRUST, UnfitProgram
from . import weights
from .calls import Call
from .graph import Graph, Port, Shape
from .operations import DTYPES

LARGEST = 2**24
"""Elements that are held at once for each row of the batch: sixteen maps of 1024 by 1024."""
Shapes = Sequence[Shape | None] | None
BATCHES = (3, 5)
SUFFIXES = (".json", ".safetensors")


class Program(nn.Module):
    """A program with its weights, differentiable as often as its operations are.

    Arguments:
        graph: What it does.
        held: The weights that the graph names, which it takes over.
    """

    def __init__(self, graph: Graph, held: Mapping[str, Tensor]):
        super().__init__()
        self.graph = graph
        self.steps = [
            (node, Call(node), done_with)
            for node, done_with in zip(graph.nodes, _done_with(graph), strict=True)
        ]
        self._places = {name: f"weight_{i}" for i, name in enumerate(sorted(held))}
        for name, place in self._places.items():
            self.register_buffer(place, held[name])

    @property
    def weights(self) -> dict[str, Tensor]:
        """The weights by name."""
        return {name: getattr(self, place) for name, place in self._places.items()}

    def forward(self, *inputs: Tensor) -> Any:
        """Its outputs: a tensor alone, several as a tuple."""
        values = _named(self, inputs, self.weights)
        where = inputs[0].device
        for node, call, done_with in self.steps:
            values[node.name] = call(values, where)
            for name in done_with:
                del values[name]
        made = tuple(p and values[p.name] for p in self.graph.outputs)
        return made if len(made) > 1 else made[0]


def load(stem: Path, inputs: Shapes = None, outputs: Shapes = None) -> Program:
    """The program in `<stem>.json` and `<stem>.safetensors`, checked whole.

    Arguments:
        stem: Where it lies, without the endings.
        inputs, outputs: The shapes that are expected, with None for the batch; an output that is None is not made.

    Raises:
        UnfitProgram: A file is none, it names what it may not, or it does not make what it states or what is expected.
    """
    what = f"the program {stem.name} of the encoder in {stem.parent}"
    text, numbers = (stem.with_name(stem.name + suffix) for suffix in SUFFIXES)
    try:
        graph = Graph.read(text.read_text(encoding="utf8"), what)
    except UnicodeDecodeError:
        _refuse(what, "is not UTF-8")
    for ports, expected in ((graph.inputs, inputs), (graph.outputs, outputs)):
        if expected is not None and [p and p.shape for p in ports] != expected:
            _refuse(
                what, f"states the shapes {[p and p.shape for p in ports]}, expected {expected}"
            )
    program = Program(graph, _weights(numbers, graph, what))
    for batch in BATCHES:
        _rehearse(program, batch, what)
    _try(program, what)
    return program


def _weights(path: Path, graph: Graph, what: str) -> dict[str, Tensor]:
    """The tensors of a file: those that the graph names and no other, all finite."""
    try:
        found = weights.read(path)
    except ValueError as e:
        _refuse(what, f"has {e}")
    if set(found) != graph.weights:
        _refuse(what, f"names {len(graph.weights)} weights, its file holds {len(found)} others")
    for name, tensor in found.items():
        if tensor.dtype not in DTYPES.values():
            _refuse(what, f"has weights {name!r} of a kind that no operation takes")
    return found


def _rehearse(program: Program, batch: int, what: str) -> None:
    """Hold a program to the shapes and dtypes that it states, for one size of the batch, without memory."""
    graph = program.graph
    meta = torch.device("meta")
    inputs = [torch.empty(_of(p, batch), dtype=DTYPES[p.dtype], device=meta) for p in graph.inputs]
    shapes = {name: tensor.to(meta) for name, tensor in program.weights.items()}
    values = _named(program, inputs, shapes)
    _require_modest(values, batch, "its inputs", what)
    for node, call, done_with in program.steps:
        try:
            values[node.name] = call(values, meta)
        except Exception as e:  # whatever torch makes of arguments that do not fit
            _refuse(what, f"cannot do {node.op} in {node.name!r} ({type(e).__name__})")
        _require_modest(values, batch, f"{node.op} in {node.name!r}", what)
        for name in done_with:
            del values[name]
    for port in filter(None, graph.outputs):
        _require_stated(port, values[port.name], batch, what)


def _try(program: Program, what: str) -> None:
    """Run it once on rows of ones: an index that points outside shows on numbers alone."""
    rows = [torch.ones(_of(p, 2), dtype=DTYPES[p.dtype]) for p in program.graph.inputs]
    try:
        with torch.no_grad():
            program(*rows)
    except Exception as e:  # whatever torch makes of it
        _refuse(what, f"cannot be run ({type(e).__name__})")


def _of(port: Port, batch: int) -> list[int]:
    return [batch if n is None else n for n in port.shape]


def _require_modest(values: Mapping[str, Any], batch: int, of: str, what: str) -> None:
    held = [x for made in values.values() for x in (made if isinstance(made, tuple) else (made,))]
    if (n := sum(x.numel() for x in held if isinstance(x, Tensor))) > LARGEST * batch:
        _refuse(what, f"holds {n:,} numbers of {batch} rows by {of}")


def _require_stated(port: Port, made: Any, batch: int, what: str) -> None:
    shape = tuple(_of(port, batch))
    if not isinstance(made, Tensor) or (tuple(made.shape), made.dtype) != (
        shape, DTYPES[port.dtype],
    ):  # fmt: skip
        _refuse(what, f"states {port.dtype} {shape} as {port.name!r} and makes something else")


def _named(
    program: Program, inputs: Sequence[Tensor], held: Mapping[str, Tensor]
) -> dict[Any, Any]:
    """What the nodes may read at first: weights under a key of their own, inputs under their names."""
    given = zip((p.name for p in program.graph.inputs), inputs, strict=True)
    return {**{("weight", name): tensor for name, tensor in held.items()}, **dict(given)}


def _done_with(graph: Graph) -> list[list[str]]:
    """After each node, the values that nothing later reads: memory is that of what is still needed."""
    last = {
        name: i for i, node in enumerate(graph.nodes) for name in (*node.named("value"), node.name)
    }
    kept = {p.name for p in graph.outputs if p}
    dead: list[list[str]] = [[] for _ in graph.nodes]
    for name, i in last.items():
        if name not in kept:
            dead[i].append(name)
    return dead


def _refuse(what: str, said: str) -> NoReturn:
    raise UnfitProgram(f"{what} {said}", DISTRUST)
