"""A published table comes by its address and its sha256, over a server on loopback; what goes wrong leaves nothing behind."""

import hashlib
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from addend_toy import Toy

from addend import places, shards
from addend.doors.fetch import fetch
from addend.errors import NotFetched, UnknownSet
from addend.modality import Published

TABLE = b"t,y,y_err\n0.1,0.5,0.2\n0.2,0.7,0.1\n"
CITATION = "Someone, 2025-01, a journal"


class Handler(BaseHTTPRequestHandler):
    """One table, and nothing else."""

    def do_GET(self) -> None:
        there = self.path == "/line.csv"
        self.send_response(200 if there else 404)
        self.end_headers()
        self.wfile.write(TABLE if there else b"")

    def log_message(self, *args: object) -> None:
        """Nothing on the screen."""


@pytest.fixture
def server() -> Iterator[str]:
    """Its address."""
    served = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()
    thread.join()


def offered(monkeypatch, url: str, sha256: str = hashlib.sha256(TABLE).hexdigest()) -> None:
    """The toy knows one published set."""
    monkeypatch.setattr(Toy, "published", lambda self: {"far": Published(url, sha256, CITATION)})


@pytest.fixture
def clean(project):
    """No such set before or afterwards."""
    folder = places.observations("toy", "far")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_it_becomes_a_set_that_says_whose_it_is_and_comes_once(clean, server, monkeypatch):
    offered(monkeypatch, f"{server}/line.csv")
    found = fetch("toy", "far")
    assert found.n == 2 and found.attrs["source"] == CITATION and not found.attrs["mock"]
    again = fetch("toy", "far")
    assert again.digest == found.digest == shards.read_set(clean).digest


@pytest.mark.parametrize(
    ("path", "sha256", "said"),
    [("/line.csv", "0" * 64, "not the file that was published"), ("/none.csv", "0" * 64, "404")],
)
def test_other_bytes_or_no_file_are_refused_by_name(
    clean, server, monkeypatch, refuses, path, sha256, said
):
    offered(monkeypatch, server + path, sha256)
    refuses(NotFetched, said, "fetch", "toy", "far")
    assert not clean.exists()


def test_a_server_that_is_not_there_is_said(clean, monkeypatch, refuses):
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    offered(monkeypatch, f"http://127.0.0.1:{port}/line.csv")
    refuses(NotFetched, "cannot be had (ConnectionError)", "fetch", "toy", "far")


def test_a_set_that_nobody_published_is_answered_with_those_that_are(clean, monkeypatch, refuses):
    offered(monkeypatch, "http://127.0.0.1:9/line.csv")
    refuses(UnknownSet, "found far; write 'far'", "fetch", "toy", "fra")
