"""The DAG, read from DVC: which stages there are, in which order `dvc repro` runs them, and which are stale.

`dvc.yaml` alone says what depends on what. Nothing here adds to it, so a scheduled run and `dvc repro` do the same.
"""

from dataclasses import dataclass

from dvc.lock import LockError
from dvc.repo import Repo
from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro

ALWAYS = ["always changed"]


@dataclass(frozen=True)
class Stage:
    """One node of the DAG.

    Arguments:
        address: What DVC calls it, such as `modalities/toy/dvc.yaml:simulate`.
        lane: The dvc.yaml that states it. Stages of one lane share one dvc.lock, hence run one after the other.
        needs: Addresses of the stages whose outputs it reads.
        outs: Paths of its outputs.
        always: Whether DVC runs it every time (`always_changed`).
        accelerator: Whether its `meta` asks for one.
        minutes: How long it takes, as its `meta` says; 0 where it is short or does not say.
    """

    address: str
    lane: str
    needs: tuple[str, ...]
    outs: tuple[str, ...]
    always: bool
    accelerator: bool
    minutes: float = 0.0


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


def _stage(step, graph) -> Stage:
    return Stage(
        address=step.addressing,
        lane=step.path_in_repo,
        needs=tuple(sorted(needed.addressing for needed in graph.successors(step))),
        outs=tuple(out.def_path for out in step.outs),
        always=step.always_changed,
        accelerator=bool((step.meta or {}).get("accelerator")),
        minutes=float((step.meta or {}).get("minutes", 0)),
    )
