"""The house as docs/architecture.md draws it: who imports whom, a file a node, no cycle, no name with two meanings."""

import ast
import re
from collections import defaultdict

import pytest
from imports import CORE, ROOT, closure, modules, needs, room

LONGEST = 250
NODES = {
    *("observe", "simulate", "pretrain", "finetune", "calibrate", "register"),
    *("gather", "resolve", "evaluate", "fuse", "calibrate_fusion", "report"),
}
ONE_MEANING = (
    *("Verdict", "Check", "Budget", "Profile", "Tension"),
    *("design", "calibrate", "profile", "measure"),
)


def drawn() -> dict[str, set[str]]:
    """The rooms of docs/architecture.md, each with those it may import."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    block = re.search(r"```rooms\n(.*?)```", page, re.DOTALL).group(1)
    lines = (line.split(":") for line in block.splitlines() if line.strip())
    return {name.strip(): set(rooms.split()) for name, rooms in lines}


def found() -> dict[str, set[str]]:
    """The rooms as they are."""
    graph = defaultdict(set)
    for module in modules():
        if module:
            graph[room(module)] |= {room(other) for other in needs(module)} - {room(module)}
    return graph


def test_the_import_graph_is_the_one_that_is_drawn():
    ours, picture = found(), drawn()
    assert set(ours) == set(picture)
    wrong = {r: (ours[r] - picture[r], picture[r] - ours[r]) for r in ours if ours[r] != picture[r]}
    assert not wrong, (
        "rooms with imports that are not drawn, and with drawn ones that are not: " + str(wrong)
    )


def test_no_module_needs_itself():
    for module in modules():
        for other in needs(module):
            assert module not in closure(other), f"{module} and {other} import each other"


def test_no_room_needs_itself_through_another():
    """Rooms are floors: what one stands on does not stand on it."""
    graph = found()

    def below(name: str, seen: set[str]) -> set[str]:
        for other in graph[name] - seen:
            seen.add(other)
            below(other, seen)
        return seen

    tangled = {name for name in graph if name in below(name, set())}
    assert not tangled, sorted(tangled)


def test_stages_hold_a_file_a_node_and_read_call_and_write():
    files = {p.stem for p in (CORE / "stages").glob("*.py")} - {"__init__"}
    lines = sum(len(p.read_text().splitlines()) for p in (CORE / "stages").glob("*.py"))
    print(f"stages/ has {lines} lines")
    assert files == NODES and lines <= 1200


def test_no_stage_imports_another_and_none_a_door():
    for node in NODES:
        rooms = {
            other for other in needs(f"stages.{node}") if room(other) in ("stages", "doors", "cli")
        }
        assert not rooms


def test_the_sum_knows_no_path_and_no_registry():
    """fusion/ and what it stands on open no file."""
    needed = set().union(*(closure(m) for m in modules() if room(m) == "fusion"))
    assert not {room(m) for m in needed} & {
        "registry",
        "shards",
        "places",
        "stages",
        "doors",
        "report",
    }


def test_the_report_decides_nothing():
    """What it shows was judged before it: no room of inference is beneath it but the answer's own."""
    rooms = {room(m) for m in modules() if room(m) == "report" for m in closure(m)}
    assert not rooms & {"maximum", "posterior", "scalar", "heads", "encoder", "stages"}


@pytest.mark.parametrize("folder", ["src", "flows", "tests", "benchmarks", "modalities"])
def test_no_file_is_longer_than_two_screens(folder):
    long = {
        str(path.relative_to(ROOT)): n
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (n := len(path.read_text().splitlines())) > LONGEST
    }
    assert not long


def test_a_name_of_the_list_has_one_meaning():
    """Defined at the top of one module at most; methods that make a value from its measurements are called `measure`."""
    homes = defaultdict(list)
    for module, path in modules().items():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in ONE_MEANING:
                homes[node.name].append(module)
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}
