"""The documentation: what it points to is there, and what points to it arrives."""

import doctest
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    *ROOT.glob("modalities/*/README.md"),
    *(p for p in ROOT.glob("docs/**/*.md") if "reference" not in p.parts),
]
TOPS = ("src", "modalities", "flows", "benchmarks", "tests")
CODE = [p for top in TOPS for p in sorted((ROOT / top).rglob("*.py"))]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
NAMED = re.compile(r"`((?:docs|tests|src|modalities|benchmarks|flows)/[\w./-]+)`")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)


def anchors(page: Path) -> set[str]:
    """Where a link may land: labels, and headings as they are slugged."""
    text = prose(page)
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    slugs = {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}
    return slugs | set(re.findall(r"^\(([\w.]+)\)=$", text, re.M))


def citations() -> Iterator[tuple[Path, str]]:
    """Every "methods D9" in code, with where it stands."""
    for path in CODE:
        for label in re.findall(r"\bmethods ([A-Z]\d+(?:\.\d+)?)", path.read_text()):
            yield path.relative_to(ROOT), label.lower()


def test_a_citation_of_the_methods_leads_to_its_section():
    labels = anchors(ROOT / "docs" / "methods.md")
    found = list(citations())
    assert {f"d{k}" for k in range(1, 16)} | {"e1"} <= labels
    assert found and not [(str(p), label) for p, label in found if label not in labels]


def test_the_traps_are_numbered_without_a_gap():
    text = (ROOT / "docs" / "methods.md").read_text()
    numbers = [int(n) for n in re.findall(r"^\(d15\.(\d+)\)=$", text, re.M)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [int(n) for n in re.findall(r"^\*\*D15\.(\d+)\*\*", text, re.M)] == numbers


@each_page
def test_every_link_arrives(page):
    for file, anchor in LINK.findall(prose(page)):
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{file} is not there"
        assert not anchor or anchor in anchors(target), f"{file} has no place '{anchor}'"


@each_page
def test_every_file_that_is_named_is_there(page):
    named = [n for n in NAMED.findall(prose(page)) if not n.startswith("modalities/clicks")]
    assert not [n for n in named if not (ROOT / n).exists()]


def test_every_page_that_code_names_is_there():
    named = {n for p in CODE for n in re.findall(r"\bdocs/[a-z-]+(?:/[a-z-]+)*\.md", p.read_text())}
    assert named and not [n for n in named if not (ROOT / n).exists()]


def test_every_page_is_in_a_table_of_contents():
    """Sphinx would warn; this needs no Sphinx."""
    listed = set()
    for page in PAGES:
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```$", page.read_text(), re.M | re.S):
            for line in block.splitlines():
                if line and not line.startswith(":"):
                    listed |= set(page.parent.glob(f"{line}.md"))
    pages = {p for p in PAGES if (ROOT / "docs") in p.parents} - {ROOT / "docs" / "index.md"}
    assert pages <= listed


def test_a_docstring_is_read_as_plain_text():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert doctest.testmod(module) == (0, 1)
