"""A program as it is written: inputs, nodes and outputs as JSON, and what must hold of them before anything is made.

    {"inputs":  [{"name": "x", "shape": [null, 2], "dtype": "float64"}],
     "nodes":   [{"name": "log", "op": "aten.log.default", "args": [{"value": "x"}], "kwargs": {}}],
     "outputs": [{"name": "log", "shape": [null, 2], "dtype": "float64"}, null]}

`null` in a shape is the batch, the same for every input and output; an output that is `null` is None. An argument is a number, a
flag, null, a list of arguments, or one of {"value": name} of an input or an earlier node, {"weight": name}, {"dtype": name}
and {"number": "inf" or "-inf"}.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn

from ..errors import DISTRUST, UnfitProgram, shown
from ..strict import strict
from .operations import DTYPES, OPERATIONS, WORDS

MOST_BYTES, MOST_NODES, MOST_ARGUMENTS, DEEPEST = 2**24, 20_000, 4096, 4
LARGEST = 2**63 - 1
INFINITE = {"inf": math.inf, "-inf": -math.inf}
Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Port:
    """An input or an output: its name, its shape with None for the batch, and its dtype."""

    name: str
    shape: Shape
    dtype: str


@dataclass(frozen=True)
class Node:
    """One operation: its name, which one it is, and its arguments as they are written."""

    name: str
    op: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def arguments(self) -> Iterator[Any]:
        """Every argument, those within lists too."""
        yield from _flattened([*self.args, *self.kwargs.values()])

    def named(self, kind: str) -> list[str]:
        """The names that its arguments give of a kind, `value` or `weight`."""
        return [a[kind] for a in self.arguments() if isinstance(a, dict) and kind in a]


@dataclass(frozen=True)
class Graph:
    """A program without its weights."""

    inputs: tuple[Port, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Port | None, ...]

    @property
    def weights(self) -> set[str]:
        """The weights that it names."""
        return {name for node in self.nodes for name in node.named("weight")}

    def text(self) -> str:
        """The JSON, a node a line."""
        inputs, nodes, outputs = (
            ",\n  ".join(json.dumps(p and asdict(p)) for p in part)
            for part in (self.inputs, self.nodes, self.outputs)
        )
        return (
            f'{{"inputs": [\n  {inputs}],\n"nodes": [\n  {nodes}],\n"outputs": [\n  {outputs}]}}\n'
        )

    @classmethod
    def read(cls, text: str, what: str) -> "Graph":
        """The graph that `text` writes, every part of it known; `UnfitProgram` otherwise.

        Arguments:
            text: The JSON.
            what: What it is called in a sentence.
        """
        return _Reader(what).graph(text)


class _Reader:
    """Reads one program strictly; every refusal names it."""

    def __init__(self, what: str):
        self.what, self.known = what, set[str]()
        self.sizes = set[str]()

    def graph(self, text: str) -> Graph:
        parts = self.fields(self._json(text), "it", inputs=list, nodes=list, outputs=list)
        if len(parts["nodes"]) > MOST_NODES:
            self.refuse(f"has {len(parts['nodes']):,} nodes, at most {MOST_NODES:,} are read")
        inputs = tuple(self.input(p) for p in parts["inputs"])
        nodes = tuple(self.node(n) for n in parts["nodes"])
        return Graph(inputs, nodes, tuple(self.output(p) for p in parts["outputs"]))

    def input(self, found: object) -> Port:
        port = self._port(found)
        self._new(port.name)
        return port

    def output(self, found: object) -> Port | None:
        if found is None:
            return None
        port = self._port(found)
        self._earlier(port.name)
        return port

    def node(self, found: object) -> Node:
        read = self.fields(found, "a node", name=str, op=str, args=list, kwargs=dict)
        name, op = read["name"], read["op"]
        if op not in OPERATIONS:
            self.refuse(f"asks for the operation {shown(op)}, which is none of those it may name")
        node = Node(name, op, tuple(read["args"]), read["kwargs"])
        words = WORDS.get(op.removeprefix("aten."), set[str]())
        self._bounded(read["args"], 0)
        self._bounded(list(node.kwargs.values()), 0)
        for argument in node.arguments():
            self._argument(argument, words)
        self._sized(node)
        self._new(name)
        return node

    def fields(self, found: object, of: str, **kinds: type) -> dict[str, Any]:
        """A mapping of just these names, each of its kind."""
        if not isinstance(found, dict) or set(found) != set(kinds):
            self.refuse(f"has {of} with other fields than {', '.join(kinds)}")
        wrong = [k for k, kind in kinds.items() if not isinstance(found[k], kind)]
        if wrong:
            self.refuse(f"has {of} whose {wrong[0]} is no {kinds[wrong[0]].__name__}")
        return found

    def refuse(self, said: str) -> NoReturn:
        raise UnfitProgram(f"{self.what} {said}", DISTRUST)

    def _json(self, text: str) -> object:
        if len(text) > MOST_BYTES:
            self.refuse(f"has {len(text):,} letters, at most {MOST_BYTES:,} are read")
        try:
            return strict(text)
        except (ValueError, RecursionError) as e:
            self.refuse(f"is not JSON ({e if len(str(e)) < 100 else type(e).__name__})")

    def _port(self, found: object) -> Port:
        read = self.fields(found, "an input or output", name=str, shape=list, dtype=str)
        shape = read["shape"]
        if not shape or shape[0] is not None or not all(map(_extent, shape[1:])):
            self.refuse(f"states the shape {shown(shape)}, expected null and whole numbers")
        if read["dtype"] not in DTYPES:
            self.refuse(f"states the dtype {shown(read['dtype'])}, unknown here")
        return Port(read["name"], tuple(shape), read["dtype"])

    def _argument(self, found: object, words: Iterable[str]) -> None:
        if isinstance(found, dict):
            self._special(found)
        elif isinstance(found, str) and found not in words:
            self.refuse(f"has the text {shown(found)} where numbers are due")
        elif isinstance(found, float) and not math.isfinite(found):
            self.refuse("has a number that is not finite")
        elif isinstance(found, int) and abs(found) > LARGEST:
            self.refuse("has a whole number of more than 64 bits")

    def _special(self, found: dict[str, Any]) -> None:
        kinds: dict[str, Callable[[str], object]] = {
            "value": self._earlier,
            "weight": lambda name: None,
            "dtype": lambda name: name in DTYPES or self.refuse(f"has the dtype {shown(name)}"),
            "number": lambda name: name in INFINITE or self.refuse(f"has the number {shown(name)}"),
        }
        ((kind, name),) = found.items() if len(found) == 1 else (("", None),)
        if kind not in kinds or not isinstance(name, str):
            self.refuse(f"has the argument {shown(found)}, which means nothing here")
        kinds[kind](name)

    def _bounded(self, found: list[Any], level: int) -> None:
        if level > DEEPEST or len(found) > MOST_ARGUMENTS:
            self.refuse("has a list of arguments longer or deeper than any operation needs")
        for inner in found:
            if isinstance(inner, list):
                self._bounded(inner, level + 1)

    def _sized(self, node: Node) -> None:
        """Remember which values are sizes; refuse the product of two."""
        if node.op == "aten.sym_size.int" or node.op.startswith("size."):
            self.sizes.add(node.name)
        if node.op == "size.mul" and len(self.sizes & set(node.named("value"))) != 1:
            self.refuse(f"multiplies two sizes in {shown(node.name)}")

    def _earlier(self, name: str) -> None:
        if name not in self.known:
            self.refuse(f"uses {shown(name)} before anything of that name is made")

    def _new(self, name: str) -> None:
        if name in self.known or not name:
            self.refuse(f"makes {shown(name)} twice, or nameless")
        self.known.add(name)


def _extent(found: object) -> bool:
    return isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= LARGEST


def _flattened(found: Iterable[Any]) -> Iterator[Any]:
    for each in found:
        if isinstance(each, list | tuple):
            yield from _flattened(each)
        else:
            yield each
