"""Which commit a page names: the last one that touched code or settings, whatever was committed after it."""

import subprocess
from pathlib import Path

import pytest

from addend.history import CHANGED, code_version

WHO = ["-c", "user.name=t", "-c", "user.email=t@localhost"]


@pytest.fixture
def project(tmp_path) -> Path:
    """A repository with one commit of code."""
    git(tmp_path, "init", "-q")
    write(tmp_path / "src" / "addend" / "one.py", "x = 1\n")
    write(tmp_path / "params.yaml", "fusions: {}\n")
    commit(tmp_path, "code")
    return tmp_path


def git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *WHO, *words], cwd=root, check=True, capture_output=True)
    return done.stdout.decode().strip()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def commit(root: Path, message: str) -> str:
    git(root, "add", "--all")
    git(root, "commit", "-q", "-m", message)
    return git(root, "rev-parse", "HEAD")


def test_committing_what_a_run_wrote_changes_nothing(project):
    before = code_version(project)
    assert before["commit"] == git(project, "rev-parse", "HEAD") and len(before["date"]) == 10
    for name in (
        "dvc.lock",
        "modalities/toy/dvc.lock",
        "modalities/toy/tests/test_toy.py",
        "README.md",
    ):
        write(project / name, "a\n")
    commit(project, "locks")
    assert code_version(project) == before


@pytest.mark.parametrize("name", ["src/addend/one.py", "params.yaml", "modalities/toy/src/toy.py"])
def test_an_edit_is_named_until_it_is_committed(project, name):
    before = code_version(project)["commit"]
    write(project / name, "x: 2\n")
    assert code_version(project)["commit"] == before + CHANGED
    after = commit(project, "more code")
    assert code_version(project)["commit"] == after != before


def test_outside_a_repository_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert code_version(tmp_path) == {"commit": None, "date": None}
