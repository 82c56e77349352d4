"""Files, manifests, weights, heads and records that no encoder has."""

import io
import json
import os
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from hostile import KEPT, LARGE, for_each, made, sign
from safetensors.torch import load_file, save_file

from addend import artifact


class Payload:
    """What a pickle would run: it leaves a file behind."""

    def __reduce__(self) -> Any:
        return os.system, ("touch acted",)


def torch_archive() -> bytes:
    """A plain archive of torch, of the kind that an encoder once had."""
    buffer = io.BytesIO()
    torch.save(Payload(), buffer)
    return buffer.getvalue()


FILES = [p.name for p in sorted(KEPT.iterdir()) if p.name != artifact.MANIFEST]
CODES = {"pickle": pickle.dumps(Payload()), "archive of torch": torch_archive(), "nothing": b""}


@for_each({f"{code} as {f}": (code, f) for code in CODES for f in (*FILES, artifact.MANIFEST)})
def a_file_that_acts(folder: Path, what: tuple[str, str]) -> None:
    code, file = what
    (folder / file).write_bytes(CODES[code])
    if file != artifact.MANIFEST:
        sign(folder)


def reweigh(folder: Path, file: str, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    weights = load_file(folder / file)
    save_file(change(weights) or weights, folder / file)
    sign(folder)


WEIGHTS = {
    "nan": lambda w: {k: v * torch.nan for k, v in w.items()},
    "infinity": lambda w: {k: v + torch.inf for k, v in w.items()},
    "none": lambda w: {"other": torch.zeros(1)},
    "one too many": lambda w: w | {"more": torch.zeros(1)},
    "another shape": lambda w: {k: torch.zeros(3, 3) for k in w},
    "another dtype": lambda w: {k: v.half() for k, v in w.items()},
}


@for_each({f"{w} in {f}": (w, f) for w in WEIGHTS for f in ("head", "backbone")})
def weights_of(folder: Path, what: tuple[str, str]) -> None:
    reweigh(folder, f"{what[1]}.safetensors", WEIGHTS[what[0]])


@for_each({"offsets": LARGE, "shape": 2**62})
def weights_larger_than_their_file_by(folder: Path, size: int) -> None:
    head = json.dumps({"b": {"dtype": "F64", "shape": [size // 8], "data_offsets": [0, size]}})
    content = struct.pack("<Q", len(head)) + head.encode() + b"\0" * 64
    (folder / "head.safetensors").write_bytes(content)
    sign(folder)


def flow(**changes: Any) -> dict[str, Any]:
    stated = json.loads((KEPT / artifact.MANIFEST).read_text())["head"]
    return {**stated, "config": {**stated["config"], **changes}}


@for_each(
    {
        "24 terabytes": flow(hidden=[2_000_000, 1_500_000]),
        "a hundred wide layers": flow(hidden=[4096] * 100),
        "a kind that is not": {"kind": "os.system", "config": {}},
        "settings of none": flow(command="touch acted"),
        "a column that is not there": flow(location=[99]),
        "an error that is not there": flow(components=-1),
        "a network of text": flow(hidden="48"),
        "no layers": flow(hidden=[]),
        "a tower": {
            "kind": "ensemble",
            "config": {
                "members": [
                    {
                        "kind": "ensemble",
                        "config": {"members": [{"kind": "ensemble", "config": {}}]},
                    }
                ]
            },
        },
        "a crowd": {"kind": "ensemble", "config": {"members": [flow()] * 300}},
        "a list": [1, 2],
    }
)
def a_head_of(folder: Path, head: Any) -> None:
    sign(folder, head=head)


@for_each(
    {
        "name above": {"name": "../toy"},
        "absolute name": {"name": "/tmp/toy"},
        "no name": {"name": ""},
        "name of two lines": {"name": "toy\nx"},
        "size of z": {"z": 10**12},
        "negative z": {"z": -1},
        "flag for a number": {"e": True},
        "box of zero": {"coordinates": {"centre": [0, 0], "half": [0, 1]}},
        "box of others": {"coordinates": {"centre": [0], "half": [1]}},
        "no parameters": {"parameters": []},
        "unknown part": {"run": "touch acted"},
        "title of a page": {"title": "x" * 10_000},
        "title that moves the cursor": {"title": "\x1b[2J"},
        "old format": {"format": 2},
        "a range upside down": {"covariate_ranges": {"t": [1.0, 0.0]}},
    }
)
def a_manifest_with(folder: Path, changes: dict[str, Any]) -> None:
    sign(folder, **changes)


@for_each({"beyond": "1e999", "no number": "NaN", "infinity": "Infinity", "digits": "9" * 5000})
def a_bound_that_is(folder: Path, number: str) -> None:
    text = (folder / artifact.MANIFEST).read_text()
    (folder / artifact.MANIFEST).write_text(text.replace('"low": ', f'"low": {number}, "was": ', 1))


@made
def a_part_stated_twice(folder: Path) -> None:
    text = (folder / artifact.MANIFEST).read_text()
    (folder / artifact.MANIFEST).write_text(text.replace("{", '{"name": "bao",', 1))


@for_each({n: n for n in ("../outside", "/etc/passwd", "sub/file", "..", "run.py", "backbone.pt2")})
def a_file_named(folder: Path, name: str) -> None:
    stated = json.loads((folder / artifact.MANIFEST).read_text())
    digest = artifact.file_digest(folder / "backbone.json")
    sign(folder, files={**stated["files"], name: digest})


@for_each(
    {
        "zeros without end": lambda p: p.symlink_to("/dev/zero"),
        "a file elsewhere": lambda p: p.symlink_to("/etc/passwd"),
        "a pipe": os.mkfifo,
        "a folder": os.mkdir,
        "a copy beside it": lambda p: p.symlink_to(
            shutil.copy(KEPT / p.name, p.with_suffix(".bak"))
        ),
    }
)
def in_place_of_a_file(folder: Path, make: Callable[[Path], Any]) -> None:
    (folder / "head.safetensors").unlink()
    make(folder / "head.safetensors")


@made
def a_file_that_is_not_listed(folder: Path) -> None:
    (folder / "sitecustomize.py").write_text("import os; os.system('touch acted')")


@for_each(
    {
        "list": [],
        "number": 3,
        "parts of no kind": {"parts": {"score": {"kind": "os.system"}}},
        "words": {"name": "toy"},
    }
)
def a_record_that_is_a(folder: Path, record: Any) -> None:
    (folder / artifact.RECORD).write_text(json.dumps(record))
    sign(folder)


@for_each({"other psi": 1.0, "no psi": None})
def vectors_with(folder: Path, change: float | None) -> None:
    kept = load_file(folder / "vectors.safetensors")
    psi = kept.pop("psi")
    save_file(
        kept if change is None else kept | {"psi": psi + change}, folder / "vectors.safetensors"
    )
    sign(folder)
