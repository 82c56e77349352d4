"""What a folder of Python imports, read and not run."""

import ast
from collections.abc import Iterator
from pathlib import Path


def imported(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file under a folder with every top-level package that it imports, at any depth of its code."""
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from ((file, alias.name.split(".")[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield file, node.module.split(".")[0]
