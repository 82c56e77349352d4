"""Every kind of file that is kept, a byte of it changed: caught by name, or every number is what it was.

Also a disk that is full at a random moment, and a file system that cannot rename.
"""

import errno
import os
import random
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from addend import answers, champions, embeddings, evaluated, places, sealed
from addend.artifact import digest, read_manifest
from addend.durable import says_full
from addend.errors import AddendError, FullDisk
from addend.shards import read_set
from addend.stages import evaluate, fuse, gather

from .project import FUSION, Count, content, ended, forked, leftovers

Read = Callable[[Path], Any]


def kinds() -> dict[str, tuple[list[Path], Read]]:
    """Of each kind of file its files, and what they say to who uses them: a value to compare."""
    fusion = {part: places.fusion(FUSION, part) for part in ("terms", "fit", "observations")}
    pins, code = (places.fusion(FUSION, f"{part}.json") for part in ("pins", "code"))
    ingested = places.observations("toy", "line")
    record, head = places.encoder("toy", "record"), places.encoder("toy", "head")
    backbone, pool = places.encoder("toy", "backbone"), places.pool("toy", "audit")
    return {
        "observations": (_files(ingested), lambda _: _rows(ingested)),
        "simulations": (_files(pool), lambda _: _rows(pool)),
        "gathered": (_files(fusion["observations"]), lambda _: _sealed(fusion["observations"])),
        "terms": (_files(fusion["terms"]), lambda _: _theta_free(fusion["terms"])),
        "fit": (_files(fusion["fit"]), lambda _: _fit(fusion["fit"])),
        "pins": ([pins, code, places.pin("toy")], lambda path: sealed.read_json(path, "a stage")),
        "backbone": (_files(backbone), lambda _: _sealed(backbone)),
        "head": (_files(head), lambda _: read_manifest(head)["files"]),
        "record": (_files(record), lambda _: _sealed(record)),
        "embeddings": (_files(Path("data/embeddings")), _embedding),
        "registered encoder": (_files(Path("mlflow/store/artifacts")), _champion),
        "registry database": ([Path("mlflow/store/mlflow.db")], _champion),
    }


def tampered(kind: str, trials: int, rng: random.Random) -> Count:
    """A byte at a random place of a random file of a kind changed to another, and the kind read as its user reads it."""
    files, read = kinds()[kind]
    count = Count(f"{kind}: a byte changed")
    whole = {path: _said(read, path) for path in files}
    if broken := [path for path, said in whole.items() if not said.startswith("value")]:
        raise RuntimeError(f"{broken[0]} cannot be read as it is: {whole[broken[0]]}")
    for _ in range(trials):
        path = rng.choice(files)
        with _flipped(path, rng):
            said = _said(read, path)
        count.tried += 1
        count.unnamed += said.startswith("unnamed")
        count.lost += said.startswith("value") and said != whole[path]
        count.survived += said.startswith("named") or said == whole[path]
    return count


def full_disk(trials: int, rng: random.Random) -> Count:
    """The disk full at a random sync or write of `gather`, `evaluate` or `fuse`: named, and what stood before stands."""
    count = Count("disk full")
    stages = ((gather.gather, "observations"), (evaluate.evaluate, "terms"), (fuse.fuse, "fit"))
    for i in range(trials):
        run, part = stages[i % len(stages)]
        path = places.fusion(FUSION, part)
        before, at = content(path), rng.randrange(1, 6)
        status = ended(forked(partial(_full_at, at, run)))
        count.lost += content(path) != before
        count.unnamed += status == 1
        count.left += leftovers(places.ROOT)
        count.survived += status == 2 and content(path) == before
        count.tried += 1
    return count


def no_rename(trials: int) -> Count:
    """A file system that renames nothing that stood there before (EXDEV): what is written is there all the same."""
    count = Count("renames answer EXDEV")
    for i in range(trials):
        run, part = ((gather.gather, "observations"), (evaluate.evaluate, "terms"))[i % 2]
        path = places.fusion(FUSION, part)
        before = content(path)
        status = ended(forked(partial(_without_rename, run)))
        count.unnamed += status == 1
        count.lost += content(path) != before
        count.left += leftovers(places.ROOT)
        count.survived += status == 0 and content(path) == before
        count.tried += 1
    return count


def _full_at(call: int, run: Callable[[str], object]) -> None:
    calls, sync = iter(range(1, 10**6)), os.fsync

    def failing(handle: int) -> None:
        if next(calls) >= call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    setattr(os, "fsync", failing)  # noqa: B010 (in a child of its own)
    try:
        run(FUSION)
    except FullDisk as e:
        assert says_full(e.__cause__)
        raise


def _without_rename(run: Callable[[str], object]) -> None:
    """Only a copy that was made beside its place can be renamed there, as in a container's upper layer."""
    replace = os.replace

    def refusing(source: Path, target: Path) -> None:
        if Path(source).name != "copy":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        replace(source, target)

    setattr(os, "replace", refusing)  # noqa: B010 (in a child of its own)
    run(FUSION)


@contextmanager
def _flipped(path: Path, rng: random.Random) -> Iterator[None]:
    before = path.read_bytes()
    at = rng.randrange(len(before))
    after = bytearray(before)
    after[at] ^= rng.randrange(1, 256)
    path.write_bytes(after)
    try:
        yield
    finally:
        path.write_bytes(before)


def _said(read: Read, path: Path) -> str:
    """What a reader makes of a file: `value ...`, `named ...` for a named error, or `unnamed` and the traceback."""
    try:
        return f"value {read(path)!r}"
    except AddendError as e:
        return f"named {type(e).__name__}"
    except Exception:
        return f"unnamed {traceback.format_exc()}"


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.stat().st_size)


def _rows(folder: Path) -> str:
    found = read_set(folder)
    return found.digest + str(found.attrs)


def _sealed(folder: Path) -> dict[str, str]:
    return sealed.digests(sealed.require_sealed(folder, "a stage"))


def _theta_free(folder: Path) -> str:
    terms = evaluated.read_terms(FUSION)
    centre = terms.scalar.space.from_unit([[0.5] * len(terms.scalar.space)])
    return f"{terms.scalar(centre).tolist()} {terms.n}"


def _fit(folder: Path) -> str:
    sealed.require_sealed(folder, "a stage")
    curves = answers.read_curves(folder / answers.CURVES)
    return f"{answers.read_answer(folder / answers.ANSWER)} {curves}"


def _embedding(path: Path) -> str:
    encoder, shard = path.stem.split("-")
    n = read_set(places.observations("toy", "line")).n
    made = embeddings.read(path, embeddings.Made(encoder, shard, n))
    return str({name: tensor.tolist() for name, tensor in made.items()})


def _champion(_: Path) -> str:
    """In a process of its own, because a database that is open is not read again."""
    reader, writer = os.pipe()
    child = forked(lambda: os.write(writer, digest(champions.champion("toy")).encode()))
    os.close(writer)
    status = ended(child)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    if status == 2:
        raise AddendError("the registry's files are not used", "none")
    if status:
        raise RuntimeError("the child of a reader left with a traceback")
    return said
