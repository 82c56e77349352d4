"""`python tests/oldest.py`: the lowest releases that pyproject.toml allows, as constraints.

What those packages need in turn is as constraints.txt pins it, or lower where an old release asks
for that: the environment is the same whenever it is made. The script stands among the tests because
nothing but a test comes of it.
"""

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


def lowest(direct: Iterable[Requirement], pinned: Iterable[Requirement]) -> Iterator[str]:
    """A constraints file: lower bounds of what is named, pins as upper bounds of the rest."""
    lower = {canonicalize_name(r.name): _lower(r.specifier) for r in direct}
    for pin in pinned:
        name = canonicalize_name(pin.name)
        yield f"{pin.name}=={lower[name]}" if name in lower else str(pin).replace("==", "<=")


def named(project: dict[str, dict]) -> list[Requirement]:
    """What a pyproject.toml names: to build, to run, and in its extras."""
    extras = project["project"]["optional-dependencies"].values()
    groups = [project["build-system"]["requires"], project["project"]["dependencies"], *extras]
    return [Requirement(line) for group in groups for line in group]


def _lower(allowed: SpecifierSet) -> str:
    return next(bound.version for bound in allowed if bound.operator == ">=")


if __name__ == "__main__":
    pins = map(Requirement, (ROOT / "constraints.txt").read_text().splitlines())
    print("\n".join(lowest(named(tomllib.loads((ROOT / "pyproject.toml").read_text())), pins)))
