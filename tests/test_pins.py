"""Dependencies: ranges in pyproject.toml, one exact release of everything in constraints.txt."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions

import pytest
from oldest import lowest, named
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from source import imported
from toy_dag import ROOT

EVERYTHING = ("pipeline", "test", "check", "docs")


def test_every_package_in_use_is_pinned_and_no_other():
    used = {name: Version(distribution(name).version).public for name in _closure()}
    pinned = {name: str(version) for name, version in _pins().items()}
    assert pinned == used | {"setuptools": pinned["setuptools"]}


def test_every_pin_lies_within_the_range_of_what_names_it():
    pins = _pins()
    assert not [str(r) for r in _named() if pins[canonicalize_name(r.name)] not in r.specifier]


def test_pyproject_gives_ranges_and_pins_nothing():
    for requirement in _direct(EVERYTHING):
        bounds = {bound.operator for bound in requirement.specifier}
        assert bounds == {">=", "<"}, str(requirement)


def test_the_server_s_own_ranges_are_those_it_starts_and_schedules_with():
    allowed = {canonicalize_name(r.name): r.specifier for r in _direct(("pipeline",))}
    assert Version("0.151") not in allowed["fastapi"]
    assert Version("2.1") not in allowed["sqlalchemy"]


def test_the_oldest_environment_has_the_lower_bounds_and_nothing_above_a_pin():
    project = [Requirement("a>=1.2,<2")]
    pins = [Requirement("A==1.9"), Requirement("b==3.0")]
    assert list(lowest(project, pins)) == ["A==1.2", "b<=3.0"]


def test_torch_is_the_same_release_wherever_it_is_named():
    makefile = set(re.findall(r"torch==([\d.]+)", (ROOT / "Makefile").read_text()))
    assert makefile == {str(_pins()["torch"])}


def test_every_package_of_the_house_has_the_one_licence():
    text = (ROOT / "LICENSE").read_bytes()
    for path in [ROOT / "pyproject.toml", *sorted(ROOT.glob("modalities/*/pyproject.toml"))]:
        project = tomllib.loads(path.read_text())["project"]
        assert (project["license"], project["license-files"]) == ("BSD-3-Clause", ["LICENSE"])
        assert (path.parent / "LICENSE").read_bytes() == text


@pytest.mark.parametrize(
    ("folder", "extras"), [("src", ()), ("flows", ("pipeline",)), ("tests", ("pipeline", "test"))]
)
def test_every_import_is_declared(folder, extras):
    declared = {canonicalize_name(r.name) for r in _direct(extras)}
    owners = packages_distributions()
    names = {name for _, name in imported(ROOT / folder)} & owners.keys()
    others = [name for name in names if not name.startswith("addend")]
    assert not [
        name for name in others if not {canonicalize_name(o) for o in owners[name]} & declared
    ]


def _pins() -> dict[str, Version]:
    lines = map(Requirement, (ROOT / "constraints.txt").read_text().splitlines())
    return {canonicalize_name(r.name): Version(str(r.specifier).removeprefix("==")) for r in lines}


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _named() -> list[Requirement]:
    """What pyproject.toml names, to build the package as well."""
    return named(_project())


def _direct(extras: tuple[str, ...]) -> Iterator[Requirement]:
    """What the code and these extras name."""
    project = _project()["project"]
    groups = [project["dependencies"], *(project["optional-dependencies"][e] for e in extras)]
    yield from (Requirement(line) for group in groups for line in group)


def _closure() -> set[str]:
    """Every distribution that is needed, directly or not, as this environment has them."""
    todo = [(canonicalize_name(r.name), frozenset(r.extras)) for r in _direct(EVERYTHING)]
    found: dict[str, frozenset[str]] = {}
    while todo:
        name, extras = todo.pop()
        if name in found and extras <= found[name]:
            continue
        found[name] = found.get(name, frozenset()) | extras
        todo += _needs(name, extras)
    return set(found)


def _needs(name: str, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for needed in map(Requirement, distribution(name).requires or []):
        marker = needed.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            yield canonicalize_name(needed.name), frozenset(needed.extras)
