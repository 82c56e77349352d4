"""`addend fetch <modality> <set>`: a table that somebody else publishes, by its address and its sha256, as a set of observations.

The modality says where it lies and what its bytes must be (`Modality.published`). Nothing of it is read before they are that.
"""

import tempfile
from pathlib import Path

import pooch

from .. import shards
from ..errors import NotFetched, UnknownSet, nearest
from ..modality import Published, find
from .ingest import ingest

SECONDS = 60.0
"""How long a server may be silent."""


def fetch(name: str, set_name: str) -> shards.ObservationSet:
    """Bring a published set, unless it is there already.

    Raises:
        UnknownSet: The modality publishes none of that name.
        NotFetched: The server does not answer, has no such file, or gives other bytes. Nothing is written then.
        The named errors of `ingest`.
    """
    known = find(name).published()
    if set_name not in known:
        raise UnknownSet(
            f"'{name}' knows no published set '{set_name}', found {', '.join(known) or 'none'}",
            nearest(set_name, known, f"bring a table of your own with 'addend ingest {name}'"),
        )
    with tempfile.TemporaryDirectory() as folder:
        return ingest(
            name, _file(known[set_name], Path(folder)), set_name, source=known[set_name].citation
        )


def _file(published: Published, folder: Path) -> Path:
    logger = pooch.get_logger()
    logger.setLevel("ERROR")
    try:
        found = pooch.retrieve(
            published.url,
            f"sha256:{published.sha256}",
            fname=Path(published.url).name,
            path=folder,
            downloader=pooch.HTTPDownloader(timeout=SECONDS),
        )
    except ValueError:
        raise NotFetched(
            f"{published.url} is not the file that was published: its sha256 is another than {published.sha256[:12]}",
            "ask the modality's owner whether a new release is meant",
        ) from None
    except OSError as e:  # of requests, or of the network
        answer = getattr(e, "response", None)
        why = type(e).__name__ if answer is None else str(answer.status_code)
        if answer is not None:
            answer.close()  # it was to be read as a stream, and holds its connection
        raise NotFetched(
            f"{published.url} cannot be had ({why})",
            "try again later, or ingest a copy of the file",
        ) from None
    return Path(found)
