"""Where a registry's database and files lie, and MLflow's client to it. The only importer of mlflow.

The store is a SQLite file with its artifacts beside it, `<root>/mlflow/store`, unless `MLFLOW_TRACKING_URI` names
another. mlflow is slow to import: that happens at first use.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

from ..durable import full_disk, only_writer, says_full, written_beside
from ..errors import AddendError, UnusableStore
from ..versions import local_path

URI = "MLFLOW_TRACKING_URI"
SQLITE = "sqlite:///"
QUIET = ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT")


class Store:
    """One store of runs, models and files.

    Arguments:
        uri: Of a tracking server or database; by default `MLFLOW_TRACKING_URI`, or else SQLite under `root`.
        root: The project's root.
    """

    def __init__(self, uri: str | None, root: Path):
        self.folder = Path(root).resolve() / "mlflow" / "store"
        self.uri = uri or os.environ.get(URI) or f"{SQLITE}{self.folder / 'mlflow.db'}"
        self.database = (
            Path(self.uri.removeprefix(SQLITE)).resolve() if self.uri.startswith(SQLITE) else None
        )
        if self.database:
            self.folder, self.uri = self.database.parent, f"{SQLITE}{self.database}"

    @property
    def exists(self) -> bool:
        """Whether anything was ever written; a server is taken to be there."""
        return self.database is None or self.database.exists()

    @cached_property
    def client(self) -> Any:
        """mlflow's client; the first of all creates the database, alone. What it raises is `UnusableStore` or `FullDisk`."""
        for name in QUIET:
            os.environ.setdefault(name, "true")
        with self._named():
            from mlflow import MlflowClient

            for chatter in ("alembic", "mlflow.store.db.utils"):
                logging.getLogger(chatter).setLevel(logging.WARNING)
            with self._turn():
                client = MlflowClient(self.uri, self.uri)
                client.search_registered_models(max_results=1)
        return _Named(client, self._named)

    def alone(self) -> AbstractContextManager[None]:
        """One process at a time. Over a server no lock reaches every machine: there, register from one at a time."""
        self.client  # noqa: B018 (made before the turn is taken, since making it takes one)
        return self._turn()

    def local(self, uri: str, digest: str, part: str) -> Path:
        """Where the files of `uri` lie, downloaded once if they lie elsewhere."""
        if path := local_path(uri):
            return path
        from mlflow.artifacts import download_artifacts

        folder = self.folder / "fetched" / digest
        with only_writer(folder.parent), self._named():
            if not folder.exists():
                with written_beside(folder) as temporary:
                    temporary.mkdir()
                    download_artifacts(
                        artifact_uri=uri, dst_path=str(temporary), tracking_uri=self.uri
                    )
        return folder / part

    def metric(self, key: str, value: float, time_ms: int, step: int) -> Any:
        """A value of a metric, as mlflow takes it."""
        from mlflow.entities import Metric

        return Metric(key, value, time_ms, step)

    def params(self, given: Mapping[str, str]) -> list[Any]:
        """Settings of a run, as mlflow takes them."""
        from mlflow.entities import Param

        return [Param(key, value) for key, value in given.items()]

    def _turn(self) -> AbstractContextManager[None]:
        return only_writer(self.folder) if self.database else nullcontext()

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Whatever mlflow and its database make of a store that does not work is one mistake to the user."""
        try:
            yield
        except AddendError:
            raise
        except (
            Exception
        ) as e:  # of mlflow, its database, or Python itself where a stored value is damaged
            if says_full(e):
                raise full_disk(self.folder) from e
            said = " ".join(str(e).split())[:160].rstrip(".; ")
            raise UnusableStore(
                f"the registry {self.uri} gives no answer ({said})",
                "restore it from a copy, or move it away and follow mlflow/README.md to make it again",
            ) from e


class _Named:
    """mlflow's client, its mistakes named."""

    def __init__(self, client: Any, named: Callable[[], AbstractContextManager[None]]):
        self._client, self._turn_names = client, named

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._turn_names():
                return getattr(self._client, method)(*args, **kwargs)

        return call
