"""Every sentence of the README: run here, or linked to the test that holds it."""

import contextlib
import csv
import io
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer.main
import yaml
from fenced import require_same

from addend import places, settings
from addend.cli import app

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text()

with (ROOT / "tests" / "readme_sentences.csv").open(newline="") as handle:
    LINKED = {row["sentence"]: row["test"] for row in csv.DictReader(handle)}
"""What a sentence has in it, and the test that holds it."""


def paragraphs() -> list[str]:
    """The prose: no headings, no tables, no indented blocks."""
    blocks = re.split(r"\n\s*\n", re.sub(r"^(    |\||#).*\n", "\n", TEXT, flags=re.M))
    return [" ".join(b.split()) for b in blocks if b.strip()]


def sentences() -> list[str]:
    """The prose, sentence by sentence."""
    ends = r"(?<=[a-z`)][.:]) (?=[A-Z`(\[])|(?<= )\d\. "
    return [s for p in paragraphs() for s in re.split(ends, p) if len(s) > 12]


def shown() -> list[str]:
    """The commands of the indented blocks, without their remarks."""
    lines = re.findall(r"^    ((?:make|addend) .*)$", TEXT, re.M)
    return [line.partition("#")[0].strip() for line in lines]


def test_every_sentence_is_run_or_linked_to_a_test():
    assert not [s for s in sentences() if not any(key in s for key in LINKED)]


@pytest.mark.parametrize("key", LINKED)
def test_the_test_that_a_sentence_is_linked_to_is_there(key):
    file, name = LINKED[key].split("::")
    assert key in " ".join(TEXT.split())
    assert f"\ndef {name}(" in (ROOT / "tests" / file).read_text()


def test_the_targets_are_those_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    wanted = set(re.findall(r"\bmake ([a-z]+)`", TEXT)) | {
        line.split()[1] for line in shown() if line.startswith("make")
    }
    assert {"demo", "test", "serve", "docs"} <= wanted
    assert not [target for target in wanted if not re.search(rf"^{target}:", makefile, re.M)]


@pytest.mark.parametrize("line", [x for x in shown() if x.startswith("addend")])
def test_a_command_that_is_shown_is_one(line):
    """Its verb, arguments and options; nothing runs."""
    group = typer.main.get_command(app)
    _, verb, *arguments = shlex.split(line)
    group.commands[verb].make_context(verb, arguments)


def test_what_is_where_is_there():
    block = TEXT.split("## What is where")[1].split("##")[0]
    named = re.findall(r"(?:^    |  +)((?:[\w<>-]+/)+|[\w]+\.yaml)(?= )", block, re.M)
    named += re.findall(r" ([\w]+/) {2}", block)
    assert {"parameters.yaml", "params.yaml", "dvc.yaml", "src/addend/", "flows/"} <= set(named)
    kept = [n for n in named if n != "data/"]
    assert not [n for n in kept if not list(ROOT.glob(n.replace("<m>", "*").rstrip("/")))]
    assert "/data/" in (ROOT / ".gitignore").read_text()


def test_the_stages_are_in_the_order_shown():
    chain = re.search(r"gather -> .* -> report", TEXT)[0].split(" -> ")
    assert chain == list(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])


def test_the_correction_shown_is_a_setting(tmp_path, monkeypatch):
    asked = yaml.safe_load(re.search(r"`(correction: \{.*?\})`", TEXT)[1])
    fusion = {"modalities": {"toy": {"set": "line"}}, **asked}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"fusions": {"mine": fusion}}))
    monkeypatch.chdir(tmp_path)
    assert settings.fusion(places.ROOT, "mine").correction.local == 20


def test_the_toy_is_about_a_hundred_lines():
    files = (ROOT / "modalities" / "toy" / "src").rglob("*.py")
    assert 70 <= sum(len(f.read_text().splitlines()) for f in files) <= 130


def test_every_package_s_first_test_is_the_contract():
    for path in ROOT.glob("modalities/*/tests/test_*.py"):
        first = re.search(r"^def test_.*?(?=^def |\Z)", path.read_text(), re.M | re.S)[0]
        assert "    check_modality(" in first, path


def test_the_python_is_the_one_asked_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.12"


def test_the_answer_shown_is_the_one_printed(demo):
    """The first columns of `addend show real`, to their last digit."""
    block = re.search(r"^    parameter .*\n(?:    .*\n)+", TEXT, re.M)[0]
    with contextlib.chdir(demo), contextlib.redirect_stdout(io.StringIO()) as out:
        app(["show", "real"], standalone_mode=False)
    rows = {row.split()[0]: row.split() for row in out.getvalue().splitlines() if row.split()}
    for line in block.splitlines():
        words = line.split()
        require_same(" ".join(words), " ".join(rows[words[0]][: len(words)]), "", "README.md")
