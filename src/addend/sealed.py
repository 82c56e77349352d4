"""What is read is what was written: a folder that states the sha256 of its files, a file that states its own.

    <folder>/sealed.json      of every other file in the folder its sha256, by its path
    <file>.json               the last key, `sealed`, is the sha256 of the text without it

The writer seals, the reader holds what it reads to the seal before it believes a number of it. A seal finds damage, mixed
results and edits; who changes a file and its seal together is found out by `dvc status`, which keeps digests of its own.
Equal content gives equal bytes.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from .artifact import file_digest
from .durable import fresh_folder, written_beside
from .errors import NotMade, TamperedFile, shown
from .strict import strict

SEAL = "sealed.json"
KEY = "sealed"


@contextmanager
def sealed_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to fill; as the block ends well it is sealed and takes the place of `folder`."""
    with fresh_folder(folder) as new:
        yield new
        seal(new)


def seal(folder: Path) -> None:
    """Write down what every file of the folder is."""
    (folder / SEAL).write_text(_listed(digests(folder)))


def require_sealed(folder: Path, stage: str) -> Path:
    """The folder, each of its files being the one that was sealed; none is missing and none is more.

    Arguments:
        stage: What DVC calls the stage that wrote it, for the remedy.

    Raises:
        NotMade: There is no such folder.
        TamperedFile: A file is not what was sealed, is missing or was added, or there is no seal.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NotMade(f"there is no {folder}", f"run 'dvc repro {stage}'")
    found = digests(folder)
    said = (folder / SEAL).read_bytes() if (folder / SEAL).is_file() else b""
    if said != _listed(found).encode():
        refuse(folder, _difference(said, found), stage)
    return folder


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file in a folder but its seal, by path."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() or p.is_symlink())
    named = {p.relative_to(folder).as_posix(): p for p in files}
    return {name: _digest(path) for name, path in named.items() if name != SEAL}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """A JSON file that states its own digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_beside(path) as temporary:
        temporary.write_text(_stating(content), encoding="utf8")


def read_json(path: Path, stage: str) -> dict[str, Any]:
    """What `write_json` wrote; `NotMade` or `TamperedFile` if it is not there or not that."""
    if not path.is_file():
        raise NotMade(f"there is no {path}", f"run 'dvc repro {stage}'")
    text = path.read_bytes()
    try:
        content = strict(text)
        content.pop(KEY)
        same = _stating(content).encode() == text
    except (ValueError, KeyError, AttributeError, RecursionError) as e:
        refuse(path, f"it is no sealed JSON ({e or type(e).__name__})", stage)
    if not same:
        refuse(path, "its content is not what its own sha256 says", stage)
    return content


def refuse(path: Path, what: str, stage: str) -> NoReturn:
    """Raise `TamperedFile` of something that a stage wrote."""
    remedy = f"find out who changed it, and run 'dvc repro -f -s {stage}'"
    raise TamperedFile(f"{path} is not what was written: {what}", remedy)


def _digest(path: Path) -> str:
    return file_digest(path) if path.is_file() else "a link that leads nowhere"


def _listed(found: Mapping[str, str]) -> str:
    return json.dumps({"files": found}, indent=1, sort_keys=True) + "\n"


def _stating(content: Mapping[str, Any]) -> str:
    plain = json.dumps(content, indent=1, sort_keys=True, allow_nan=False)
    own = hashlib.sha256(plain.encode()).hexdigest()
    ordered = {key: content[key] for key in sorted(content)}
    return json.dumps({**ordered, KEY: own}, indent=1, allow_nan=False) + "\n"


def _difference(said: bytes, found: Mapping[str, str]) -> str:
    """Which file differs, in words."""
    try:
        stated = dict(strict(said)["files"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"it has no {SEAL} that can be read"
    for name in sorted({*stated, *found}):
        if name not in found:
            return f"'{name}' is missing"
        if name not in stated:
            return f"'{name}' was added"
        if stated[name] != found[name]:
            return f"'{name}' has sha256 {found[name][:12]}, expected {shown(stated[name])[:14]}"
    return f"{SEAL} was changed"
