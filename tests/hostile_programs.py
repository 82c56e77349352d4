"""Programs that name what they may not, lie, or ask for more than there is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile import LARGE, for_each, made, sign


def edit(folder: Path, change: Callable[[dict[str, Any]], None], part: str = "backbone") -> None:
    """Change a program's JSON."""
    path = folder / f"{part}.json"
    graph = json.loads(path.read_text())
    change(graph)
    path.write_text(json.dumps(graph))
    sign(folder)


def before(folder: Path, *nodes: dict[str, Any]) -> None:
    """Put nodes before the others of f_m, and make its first output depend on the last of them."""

    def change(graph: dict[str, Any]) -> None:
        last = {"value": nodes[-1]["name"]}
        kept = graph["outputs"][0]["name"]
        uses = node("used", "aten.add.Tensor", [{"value": kept}, last])
        graph["nodes"] = [*nodes, *graph["nodes"], uses]
        graph["outputs"][0]["name"] = "used"

    edit(folder, change)


def node(name: str, op: str, args: list[Any], **kwargs: Any) -> dict[str, Any]:
    return {"name": name, "op": op, "args": args, "kwargs": kwargs}


@for_each(
    {
        op: op
        for op in (
            "aten.from_file.default",
            "aten.empty.memory_format",
            "aten.as_strided.default",
            "aten.copy_.default",
            "aten.add_.Tensor",
            "aten.add.out",
            "aten.rand.default",
            "aten.set_.source_Storage",
            "os.system",
            "builtins.eval",
            "prims.inductor_seeds.default",
            "aten._resize_output_.default",
            "__import__",
            "operator.mul",
            "",
        )
    }
)
def an_operation_that_is_not_listed(folder: Path, op: str) -> None:
    before(folder, node("acts", op, [{"value": "x"}]))


@for_each(
    {
        "text to evaluate": "__import__('os').system('touch acted')",
        "an expression of sizes": {"expr_str": "os.system('touch acted')"},
        "a file's name": "/etc/passwd",
        "a name of Python": {"python": "os.system"},
        "two meanings": {"value": "x", "weight": "x_centre"},
        "no number": {"number": "nan"},
        "a dtype of its own": {"dtype": "object"},
        "a list as a name": {"value": ["x"]},
        "a number of 70 bits": 2**70,
        "lists in lists": [[[[[[[[1]]]]]]]],
    }
)
def an_argument_that_is_none(folder: Path, argument: Any) -> None:
    before(folder, node("acts", "aten.add.Tensor", [{"value": "x"}, argument]))


@for_each(
    {
        "a later value": [
            node("a", "aten.neg.default", [{"value": "b"}]),
            node("b", "aten.neg.default", [{"value": "a"}]),
        ],
        "itself": [node("a", "aten.neg.default", [{"value": "a"}])],
        "nothing": [node("a", "aten.neg.default", [{"value": "no such"}])],
        "a weight that is not there": [node("a", "aten.neg.default", [{"weight": "no such"}])],
        "a name made twice": [node("x", "aten.neg.default", [{"value": "x"}])],
    }
)
def a_reference_to(folder: Path, nodes: list[Any]) -> None:
    before(folder, *nodes)


@for_each(
    {
        "full": [node("a", "aten.full.default", [[LARGE], 1.0])],
        "full of a batch": [
            node("n", "aten.sym_size.int", [{"value": "x"}, 0]),
            node("m", "size.mul", [{"value": "n"}, LARGE]),
            node("a", "aten.full.default", [[{"value": "m"}], 1.0]),
        ],
        "a batch times a batch": [
            node("n", "aten.sym_size.int", [{"value": "x"}, 0]),
            node("m", "size.mul", [{"value": "n"}, {"value": "n"}]),
            node("a", "aten.full.default", [[{"value": "m"}], 1.0]),
        ],
        "arange": [node("a", "aten.arange.start_step", [0, LARGE, 1])],
        "expand and clone": [
            node("s", "aten.slice.Tensor", [{"value": "x"}, 1, 0, 1]),
            node("e", "aten.expand.default", [{"value": "s"}, [-1, LARGE]]),
            node("a", "aten.clone.default", [{"value": "e"}]),
        ],
        "repeat": [node("a", "aten.repeat.default", [{"value": "x"}, [1, LARGE]])],
        "padding": [node("a", "aten.constant_pad_nd.default", [{"value": "x"}, [0, LARGE]])],
        "a negative size": [node("a", "aten.full.default", [[-5], 1.0])],
    }
)
def memory_by(folder: Path, nodes: list[Any]) -> None:
    before(folder, *nodes)


@for_each(
    {
        "nodes": lambda g: g.update(nodes=g["nodes"] * 5_000),
        "megabytes of nodes": lambda g: g.update(nodes=g["nodes"] * 25_000),
        "inputs": lambda g: g.update(inputs=g["inputs"] * 3),
        "arguments": lambda g: g["nodes"][0].update(args=[1] * 100_000),
    }
)
def too_many(folder: Path, change: Callable[[Any], None]) -> None:
    edit(folder, change)


@made
def json_nested_beyond_any_use(folder: Path) -> None:
    (folder / "backbone.json").write_text("[" * 200_000 + "]" * 200_000)
    sign(folder)


@for_each(
    {
        "shape": lambda g: g["outputs"][0].update(shape=[None, 7]),
        "dtype": lambda g: g["outputs"][0].update(dtype="float32"),
        "batch": lambda g: g["outputs"][0].update(shape=[8, 1]),
        "inputs": lambda g: g["inputs"][0].update(shape=[None, 5]),
        "an input of a terabyte": lambda g: g["inputs"][0].update(shape=[None, LARGE]),
        "no outputs": lambda g: g.update(outputs=[]),
        "another output": lambda g: g["outputs"][0].update(name="c"),
        "fields": lambda g: g.update(code="import os"),
    }
)
def a_program_that_lies_on(folder: Path, change: Callable[[Any], None]) -> None:
    edit(folder, change)
