"""Which module of the core needs which, read from its text and not run.

A name that a package's `__init__` hands on counts as an import of the module that defines it: executing the other modules
of that package defines names and changes no number.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "src" / "addend"


@cache
def modules() -> dict[str, Path]:
    """Every module of the core by its dotted name within it; the core itself is ``""``."""
    found = {}
    for path in sorted(CORE.rglob("*.py")):
        parts = path.relative_to(CORE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path
    return found


@cache
def needs(module: str) -> frozenset[str]:
    """The modules that one imports by itself, at any depth of its code; imports for types alone are left out."""
    found = set()
    for node in _runs(ast.parse(modules()[module].read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] == "addend"]
            found |= {name.removeprefix("addend").removeprefix(".") for name in names}
        elif isinstance(node, ast.ImportFrom):
            source = _source(module, node)
            if source is not None:
                found |= {_home(source, alias.name) for alias in node.names}
    return frozenset(found - {module, ""})


def closure(module: str) -> set[str]:
    """The module with everything that it needs, and that those need."""
    found, todo = set(), [module]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += needs(one)
    return found


def room(module: str) -> str:
    """The folder or the single file of the core in which a module lies."""
    return module.split(".")[0]


def _runs(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _runs(node)


def _source(module: str, node: ast.ImportFrom) -> str | None:
    """The module that names are imported from; None outside the core."""
    if node.level == 0:
        first, _, rest = (node.module or "").partition(".")
        return rest if first == "addend" else None
    is_package = modules()[module].name == "__init__.py"
    parts = module.split(".") if module else []
    up = node.level - 1 if is_package else node.level
    base = parts[: len(parts) - up]
    return ".".join([*base, node.module] if node.module else base)


@cache
def _home(source: str, name: str) -> str:
    """The module that defines a name which `source` offers."""
    inside = f"{source}.{name}" if source else name
    if inside in modules():
        return inside
    if modules()[source].name == "__init__.py":
        for node in ast.walk(ast.parse(modules()[source].read_text())):
            if isinstance(node, ast.ImportFrom) and name in {
                alias.asname or alias.name for alias in node.names
            }:
                handed_on = _source(source, node)
                return source if handed_on is None else _home(handed_on, name)
    return source
