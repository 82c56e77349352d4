"""The flow: every stage of DVC's DAG as a task, two side by side, tried again where two meet at a lock.

A stage whose `meta` asks for an accelerator carries the tag `accelerator`; how many of those may run at once is a
limit set on the server (`prefect concurrency-limit create accelerator 1`), not here.
"""

import os
from threading import BoundedSemaphore
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import wait

from flows.children import StageFailed, StoreBusy, repro, stop
from flows.graph import Stage, locks_in_order, plan
from flows.report import reports, said

_slots = BoundedSemaphore(int(os.environ.get("ADDEND_SIDE_BY_SIDE", "2")))


@flow(name="addend")
def pipeline(targets: list[str] | None = None) -> None:
    """Bring `targets` (dvc.yaml files or stages; by default the fusions of ./dvc.yaml) and all they need up to date.

    Raises:
        StageFailed: Names every stage that failed; what needs none of them has been run all the same.
    """
    stages = plan(targets)
    with locks_in_order(stages):
        try:
            states = _run(stages)
        finally:
            stop()
    failed = [node.address for node in stages if states[node.address].is_failed()]
    if failed:
        raise StageFailed(f"failed: {', '.join(failed)}; the log of each task says why")
    for node in stages:
        _publish(node)


def _contended(task: Any, run: Any, state: Any) -> bool:
    return isinstance(state.result(raise_on_failure=False), StoreBusy)


@task(
    task_run_name="{address}",
    cache_policy=NO_CACHE,
    retries=60,
    retry_delay_seconds=[2, 2, 5, 10, 30],
    retry_jitter_factor=1,
    retry_condition_fn=_contended,
)
def stage(address: str) -> None:
    """One stage by `dvc repro --single-item`, its output in this run's log."""
    with _slots:
        repro(address, get_run_logger().info)


def _run(stages: list[Stage]) -> dict[str, Any]:
    """A task a stage, after those it needs; final states by address."""
    futures: dict[str, Any] = {}
    for node in longest_first(stages):
        after = [futures[address] for address in node.needs]
        tags = {"accelerator"} if node.accelerator else set()
        futures[node.address] = stage.with_options(tags=tags).submit(node.address, wait_for=after)
    wait(list(futures.values()))
    return {address: future.state for address, future in futures.items()}


def longest_first(stages: list[Stage]) -> list[Stage]:
    """Stages by the minutes that they and the longest chain of those that wait for them take; never one before what it needs."""
    left: dict[str, float] = {}
    for node in reversed(stages):
        waiting = [left[other.address] for other in stages if node.address in other.needs]
        left[node.address] = node.minutes + max(waiting, default=0.0)
    return sorted(stages, key=lambda node: -left[node.address])


def _publish(node: Stage) -> None:
    """What a report says as text, and its page as a link, on the flow run's page."""
    for report in reports(node):
        create_markdown_artifact(
            f"```\n{said(report)}\n```",
            key=f"fusion-{report.name}",
            description=f"theta_hat of fusion {report.name}",
        )
        create_link_artifact(
            (report / "index.html").resolve().as_uri(), key=f"report-{report.name}"
        )
