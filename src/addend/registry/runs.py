"""Runs: what was done, when, with which settings and figures.

An experiment is a modality's or a fusion's. Whoever writes a run is the only writer of the store, so a run that is said to
go on then is a killed process's: it is closed as KILLED. What is logged of an encoder carries its digest, and is there
once however often it is logged and wherever its writer was killed.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import BadSetting
from ..names import plain
from ..versions import flat, local_path
from .store import Store

METRICS_A_BATCH, PARAMS_A_BATCH = 1000, 100  # what a server takes at once
Metrics = Mapping[str, float]
ENCODER = "encoder"


class Runs:
    """The runs of one experiment, created if need be; its user has the store alone.

    Arguments:
        store: Where.
        name: Of the experiment.

    Raises:
        BadSetting: The store was moved. Its files' place is absolute and for ever (mlflow/README.md).
    """

    def __init__(self, store: Store, name: str):
        self.store, self.client = store, store.client
        self.experiment = self._experiment(plain(name))
        if store.database:
            self._close_killed()

    def finished(self, kind: str, encoder: str) -> str | None:
        """The id of the run of a kind that is finished for the encoder of that digest, if there is one."""
        wanted = f"attributes.status = 'FINISHED' and tags.kind = '{kind}' and tags.{ENCODER} = '{encoder}'"
        found = self.client.search_runs([self.experiment], wanted) if encoder else []
        return str(found[0].info.run_id) if found else None

    @contextmanager
    def begun(
        self,
        kind: str,
        params: Mapping[str, Any],
        encoder: str = "",
        history: Sequence[Metrics] = (),
    ) -> Iterator[Any]:
        """A run; finished as the block ends, or failed. `history` holds every step's metrics, and its number under `step`."""
        tags = {"kind": kind} | ({ENCODER: encoder} if encoder else {})
        run = self.client.create_run(self.experiment, run_name=kind, tags=tags)
        status = "FAILED"
        try:
            given = self.store.params(flat(params))
            for i in range(0, len(given), PARAMS_A_BATCH):
                self.client.log_batch(run.info.run_id, params=given[i : i + PARAMS_A_BATCH])
            self._log_metrics(run, history)
            yield run
            status = "FINISHED"
        finally:
            self.client.set_terminated(run.info.run_id, status)

    def _experiment(self, name: str) -> str:
        artifacts = self.store.folder / "artifacts"
        found = self.client.get_experiment_by_name(name)
        if not found:
            place = (artifacts / name).as_uri() if self.store.database else None
            return str(self.client.create_experiment(name, place))
        lies = local_path(found.artifact_location) or artifacts
        if self.store.database and artifacts not in lies.parents:
            raise BadSetting(
                f"the store {self.store.folder} keeps the files of '{name}' in {found.artifact_location}, expected {artifacts}",
                "move the store back to where it was made, or follow mlflow/README.md",
            )
        return str(found.experiment_id)

    def _close_killed(self) -> None:
        for run in self.client.search_runs([self.experiment], "attributes.status = 'RUNNING'"):
            self.client.set_terminated(run.info.run_id, "KILLED")

    def _log_metrics(self, run: Any, history: Sequence[Metrics]) -> None:
        now = int(1000 * time.time())
        steps = [(int(metrics.get("step", i)), metrics) for i, metrics in enumerate(history)]
        given = [
            self.store.metric(k, float(v), now, step)
            for step, row in steps
            for k, v in row.items()
            if k != "step"
        ]
        for i in range(0, len(given), METRICS_A_BATCH):
            self.client.log_batch(run.info.run_id, metrics=given[i : i + METRICS_A_BATCH])
