"""`python -m flows.serve`: MLflow's and Prefect's pages over this project's stores, on loopback, until Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

from addend.registry import Registry
from flows.children import environment

HOST = "127.0.0.1"
PATIENCE_S = 180.0


def main() -> None:
    """Start both, say where, and stop both on Ctrl-C or SIGTERM."""
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # set here: a shell starts background jobs with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    prefect, mlflow = free_port(), free_port()
    registry = Registry()
    registry.store.mkdir(parents=True, exist_ok=True)
    try:
        tracking = mlflow_command(registry.uri, mlflow)
        with (
            server(prefect_command(prefect), f"{url(prefect)}/api/health"),
            server(tracking, url(mlflow)),
        ):
            print(f"Prefect  {url(prefect)}    (for a worker: PREFECT_API_URL={url(prefect)}/api)")
            print(f"MLflow   {url(mlflow)}\nCtrl-C stops both.", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print("stopped")


def prefect_command(port: int) -> list[str]:
    """Prefect's server; its database lies in PREFECT_HOME."""
    return [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]


def mlflow_command(uri: str, port: int) -> list[str]:
    """MLflow's server with one process: it starts four and a job runner if not told otherwise."""
    store = ["--backend-store-uri", uri, "--host", HOST, "--port", str(port), "--workers", "1"]
    return [sys.executable, "-m", "mlflow", "server", *store]


@contextmanager
def server(command: list[str], health: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server in a process group of its own, `settings` in its environment; ready when `health` answers, ends with the block."""
    quiet = {
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "DO_NOT_TRACK": "1",
    }
    child = subprocess.Popen(
        command,
        env=environment() | quiet | settings,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _await(child, health)
        yield child
    finally:
        _end(child)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def url(port: int) -> str:
    """Where a server on that port answers."""
    return f"http://{HOST}:{port}"


def _await(child: subprocess.Popen[bytes], health: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise RuntimeError(f"{child.args!r} left with status {child.returncode}")
        try:
            with urlopen(health, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.3)
    raise TimeoutError(f"{health} did not answer within {PATIENCE_S:g} s")


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask the group to stop; after ten seconds, make it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            child.wait(timeout=10)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


if __name__ == "__main__":
    main()
