"""Which commit of the project its numbers come from."""

import subprocess
from pathlib import Path

CODE = (
    "src/addend", "modalities", "fusions", "params.yaml", "parameters.yaml", "dvc.yaml", "constraints.txt",
)  # fmt: skip
NOT_CODE = ("**/dvc.lock", "**/tests/**", "**/*.md")
CHANGED = " with uncommitted changes"


def code_version(root: Path) -> dict[str, str | None]:
    """The last commit that touched code or settings, with its date; None outside a repository.

    Locks, tests and pages are no part of it: committing what a run wrote does not change what the run would say.
    """
    paths = [*CODE, *(f":(exclude,glob){pattern}" for pattern in NOT_CODE)]
    found = _git(root, "log", "-1", "--format=%H %cs", "--", *paths)
    if not found:
        return {"commit": None, "date": None}
    commit, date = found.split()
    changed = _git(root, "status", "--porcelain", "--", *paths)
    return {"commit": commit + CHANGED * bool(changed), "date": date}


def head(root: Path) -> str | None:
    """The commit that is checked out; None outside a repository."""
    return _git(root, "rev-parse", "HEAD") or None


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
