"""Stages killed at random moments, and several at once."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from addend import places
from addend.doors.ingest import ingest
from addend.registry import Registry
from addend.running import alone
from addend.shards import read_set
from addend.stages import evaluate, fuse, gather, register, resolve

from .project import FUSION, Count, content, ended, forked, leftovers

Call = Callable[[], object]
FUSED = {
    "gather": (gather.gather, "observations"),
    "resolve": (resolve.resolve, "pins.json"),
    "evaluate": (evaluate.evaluate, "terms"),
    "fuse": (fuse.fuse, "fit"),
}
ENDS_WITHIN_S = 3.0


def stage(verb: str, trials: int, rng: random.Random) -> Count:
    """A stage of a fusion, killed at a moment of its run and run again."""
    run, part = FUSED[verb]
    count, path = Count(f"{verb} killed"), places.fusion(FUSION, part)
    whole, seconds = content(path), _seconds(_as_verb(verb, run))
    for _ in range(trials):
        _kill(_as_verb(verb, run), rng.uniform(0, 1.05 * seconds))
        torn = path.exists() and content(path) != whole
        status = ended(forked(_as_verb(verb, run)))
        count.lost += torn
        count.unnamed += status == 1
        count.left += leftovers(places.ROOT)
        count.survived += status == 0 and content(path) == whole
        count.tried += 1
    return count


def ingested(trials: int, rng: random.Random) -> Count:
    """A table that is ingested, killed and ingested again."""
    count, table = Count("ingest killed"), _table(0)
    seconds = _seconds(lambda: ingest("toy", table, "first"))
    for i in range(trials):
        name = f"killed{i}"
        call = partial(ingest, "toy", table, name)
        _kill(call, rng.uniform(0, 1.05 * seconds))
        count.unnamed += ended(forked(call)) == 1
        count.survived += read_set(places.observations("toy", name)).n == 2
        count.left += leftovers(places.ROOT)
        count.tried += 1
        shutil.rmtree(places.observations("toy", name))
    shutil.rmtree(places.observations("toy", "first"))
    return count


def registration(trials: int, rng: random.Random) -> Count:
    """`register` into an empty store, killed and run again: one version, one training run, none that goes on."""
    store = Path("mlflow/store")
    kept, count = Path(shutil.copytree(store, "kept")), Count("register killed")
    run = _as_verb("register", register.register, "toy")
    _emptied(store)
    empty = Path(shutil.copytree(store, "empty"))
    seconds = _seconds(run)
    for _ in range(trials):
        _replaced(store, empty)
        _kill(run, rng.uniform(0.3 * seconds, 1.05 * seconds))
        count.unnamed += ended(forked(run)) == 1
        _count_runs(store, count)
        count.left += leftovers(places.ROOT)
        count.tried += 1
    _replaced(store, empty)
    count.unnamed += sum(ended(child) == 1 for child in [forked(run) for _ in range(3)])
    _count_runs(store, count)
    count.tried += 1
    _replaced(store, kept)
    for folder in (kept, empty):
        shutil.rmtree(folder)
    return count


def at_once(verb: str, trials: int, many: int = 4) -> Count:
    """Several of one stage at once: each ends well, and what is there is what one leaves."""
    run, part = FUSED[verb]
    path, count = places.fusion(FUSION, part), Count(f"{verb}, {many} at once")
    whole = content(path)
    for call in (_as_verb(verb, run), lambda: run(FUSION)):
        for _ in range(trials):
            statuses = [ended(child) for child in [forked(call) for _ in range(many)]]
            count.unnamed += statuses.count(1)
            count.survived += not any(statuses) and content(path) == whole
            count.left += leftovers(places.ROOT)
            count.tried += 1
    return count


def ingests_at_once(trials: int, many: int = 6) -> Count:
    """Different tables into one new set: one is in, and the others are told that they are not."""
    count = Count(f"ingest, {many} tables into one set at once")
    tables = [_table(i) for i in range(many)]
    for i in range(trials):
        name = f"raced{i}"
        calls = [partial(ingest, "toy", table, name) for table in tables]
        statuses = [ended(child) for child in [forked(call) for call in calls]]
        found = read_set(places.observations("toy", name)).columns["y"][0]
        winners = [w for w, status in enumerate(statuses) if status == 0]
        count.unnamed += statuses.count(1)
        count.lost += max(0, len(winners) - 1)
        count.survived += winners == [int(found)]
        count.left += leftovers(places.ROOT)
        count.tried += 1
        shutil.rmtree(places.observations("toy", name))
    return count


def orphans(trials: int) -> Count:
    """DVC killed while a stage runs, directly below it and below a shell: the stage ends too, and runs again."""
    count = Count("DVC killed above fuse")
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q", "-f"]):
        subprocess.run(command, check=True, capture_output=True)
    verb = f"{sys.executable} -c 'from addend.cli import main; main()' fuse {FUSION}"
    whole = content(places.fusion(FUSION, "fit"))
    for i in range(trials):
        _write_dvc(verb if i % 2 else f"cd . && {verb} && true")
        stage = _stage_of_killed_dvc()
        alive = stage is None or not _gone(stage)
        count.orphans += alive
        ran = ended(forked(_as_verb("fuse", fuse.fuse)))
        count.survived += not alive and ran == 0 and content(places.fusion(FUSION, "fit")) == whole
        count.left += leftovers(places.ROOT)
        count.tried += 1
    return count


def _as_verb(verb: str, run: Callable[[str], object], name: str = FUSION) -> Call:
    def call() -> None:
        with alone(verb, name):
            run(name)

    return call


def _seconds(call: Call) -> float:
    began = time.monotonic()
    status = ended(forked(call))
    if status:
        raise RuntimeError(f"an undisturbed run left with {status}")
    return time.monotonic() - began


def _kill(call: Call, after: float) -> None:
    child = forked(call)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    ended(child)


def _table(value: int) -> Path:
    path = Path(f"table{value}.csv")
    path.write_text(f"t,y,y_err\n0.1,{value},0.2\n0.2,{value},0.2\n")
    return path


def _emptied(store: Path) -> None:
    shutil.rmtree(store)
    ended(forked(lambda: Registry(root=places.ROOT)._client))


def _replaced(store: Path, by: Path) -> None:
    shutil.rmtree(store)
    shutil.copytree(by, store)


def _count_runs(store: Path, count: Count) -> None:
    with sqlite3.connect(store / "mlflow.db") as db:
        (versions,) = db.execute("SELECT COUNT(*) FROM model_versions").fetchone()
        runs = db.execute("SELECT name, status FROM runs").fetchall()
    finished = sorted(name for name, status in runs if status == "FINISHED")
    count.doubled += max(0, versions - 1) + max(0, finished.count("training") - 1)
    count.lost += versions < 1 or finished.count("training") < 1
    count.left += sum(status == "RUNNING" for _, status in runs)
    count.survived += versions == 1 and finished == ["registration", "training"]


def _write_dvc(command: str) -> None:
    Path("dvc.yaml").write_text(
        f'stages:\n  drill:\n    cmd: "{command}"\n    always_changed: true\n'
    )


def _stage_of_killed_dvc() -> int | None:
    """The number of the stage's process as DVC was killed; None if it never began."""
    lock = places.ROOT / "data" / f".running-fuse-{FUSION}"
    dvc = subprocess.Popen([sys.executable, "-m", "dvc", "repro", "-q"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (lock.exists() and lock.read_text()):
        time.sleep(0.02)
    stage = int(lock.read_text()) if lock.exists() else None
    dvc.kill()
    dvc.wait()
    return stage


def _gone(process: int) -> bool:
    deadline = time.monotonic() + ENDS_WITHIN_S
    while time.monotonic() < deadline:
        stat = Path(f"/proc/{process}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False
