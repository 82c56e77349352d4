"""The list of a set's shards, `set.json`: names, digests and rows in order, what is known of them all, its own sha256."""

import hashlib
import json
from pathlib import Path
from typing import Any

from .durable import written_beside
from .errors import shown
from .shard import Shard, tampered
from .strict import strict

MANIFEST = "set.json"


def read(folder: Path) -> tuple[tuple[Shard, ...], dict[str, Any]]:
    """The shards and the attributes of the set in `folder`; `FileNotFoundError` or `NotADirectoryError` where there is none.

    Raises:
        TamperedArtifact: It cannot be what was written.
    """
    try:
        listed, attrs = _listed(strict((folder / MANIFEST).read_bytes()))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as e:
        said = f"it is not the list of a set ({e or type(e).__name__})"
        raise tampered(folder / MANIFEST, said) from None
    return tuple(Shard(name, folder / name, digest, n) for name, digest, n in listed), attrs


def write(folder: Path, shards: list[Shard], attrs: dict[str, Any]) -> dict[str, Any]:
    """Write the list, and return the attributes as they were written."""
    attrs = json.loads(json.dumps(attrs, sort_keys=True))
    listed = [{"name": s.name, "digest": s.digest, "n": s.n} for s in shards]
    content = {"attrs": attrs, "shards": listed, "sha256": _own(attrs, listed)}
    with written_beside(folder / MANIFEST) as temporary:
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    return attrs


def _listed(manifest: dict[str, Any]) -> tuple[list[tuple[str, str, int]], dict[str, Any]]:
    """Name, digest and rows of each shard, and the attributes; `ValueError` of a list that cannot be what was written."""
    attrs, listed = (
        manifest["attrs"],
        [(s["name"], s["digest"], s["n"]) for s in manifest["shards"]],
    )
    stated = manifest.get("sha256", _own(attrs, manifest["shards"]))
    if set(manifest) - {"attrs", "shards", "sha256"} or stated != _own(attrs, manifest["shards"]):
        raise ValueError("it is not what its own sha256 says")
    if len(set(listed)) < len(listed):
        raise ValueError("a shard is listed twice")
    for name, digest, n in listed:
        if name != f"{digest[:16]}.zarr" or type(n) is not int or n < 1:
            raise ValueError(f"{shown(name)} of {shown(n)} rows is no shard")
    return listed, attrs


def _own(attrs: dict[str, Any], shards: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps([attrs, shards], sort_keys=True).encode()).hexdigest()
