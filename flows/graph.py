"""The DAG, read from DVC: which stages there are, in which order `dvc repro` runs them, and which are stale.

`dvc.yaml` alone says what depends on what. Nothing here adds to it, so a scheduled run and `dvc repro` do the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.lock import LockError
from dvc.repo import Repo
from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro
from dvc.utils.serialize import load_yaml, modify_yaml

ALWAYS = ["always changed"]


@dataclass(frozen=True)
class Stage:
    """One node of the DAG.

    Arguments:
        address: What DVC calls it, such as `modalities/toy/dvc.yaml:simulate`.
        lock: The dvc.lock that keeps what it made of what.
        needs: Addresses of the stages whose outputs it reads.
        outs: Paths of its outputs.
        always: Whether DVC runs it every time (`always_changed`).
        accelerator: Whether its `meta` asks for one.
        minutes: How long it takes, as its `meta` says; 0 where it is short or does not say.
    """

    address: str
    lock: str
    needs: tuple[str, ...]
    outs: tuple[str, ...]
    always: bool
    accelerator: bool
    minutes: float = 0.0

    @property
    def name(self) -> str:
        """Its name in its dvc.yaml and dvc.lock."""
        return self.address.rpartition(":")[2]


def plan(targets: list[str] | None = None) -> list[Stage]:
    """Stages that `dvc repro TARGETS` would run (by default those of ./dvc.yaml and all they need), in its order."""
    with Repo() as repo:
        graph = get_active_graph(repo.index.graph)
        steps = plan_repro(graph, collect_stages(repo, targets or ["dvc.yaml"]))
        return [_stage(step, graph) for step in steps]


def stale(stages: list[Stage]) -> list[Stage]:
    """Those that have something to do, but for those that DVC runs every time; all, while another DVC process bars the answer."""
    try:
        with Repo() as repo:
            status = repo.status()
    except LockError:
        return stages
    return [stage for stage in stages if status.get(stage.address, ALWAYS) != ALWAYS]


@contextmanager
def locks_in_order(stages: list[Stage]) -> Iterator[None]:
    """Afterwards, what this block added to a dvc.lock stands where `dvc repro` would have put it: last, in its order.

    DVC appends an entry as its stage ends; stages that ran side by side end in any order.
    """
    groups = {lock: [s.name for s in stages if s.lock == lock] for lock in {s.lock for s in stages}}
    before = {lock: _entries(lock) for lock in groups}
    try:
        yield
    finally:
        for lock, planned in groups.items():
            order = before[lock] + [name for name in planned if name not in before[lock]]
            if (found := _entries(lock)) != (wanted := [name for name in order if name in found]):
                with modify_yaml(lock) as content:
                    content["stages"] = {name: content["stages"][name] for name in wanted}


def _entries(lock: str) -> list[str]:
    return list(load_yaml(lock).get("stages", {})) if Path(lock).exists() else []


def _stage(step: Any, graph: Any) -> Stage:
    return Stage(
        address=step.addressing,
        lock=str(Path(step.path_in_repo).with_name("dvc.lock")),
        needs=tuple(sorted(needed.addressing for needed in graph.successors(step))),
        outs=tuple(out.def_path for out in step.outs),
        always=step.always_changed,
        accelerator=bool((step.meta or {}).get("accelerator")),
        minutes=float((step.meta or {}).get("minutes", 0)),
    )
