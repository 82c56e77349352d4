"""What `fuse` and `calibrate-fusion` leave: an answer as JSON, and the arrays beside it."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from .durable import written_beside
from .fusion.answer import Answer
from .fusion.curves import Curves, ProfileCurve, Samples
from .fusion.summary import as_dict, from_dict
from .strict import strict

ANSWER, CURVES = "answer.json", "curves.npz"


def write_answer(path: Path, answer: Answer) -> None:
    """The answer as JSON."""
    text = json.dumps(as_dict(answer), indent=2, ensure_ascii=False, allow_nan=False)
    with written_beside(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf8", newline="\n")


def read_answer(path: Path) -> Answer:
    """What `write_answer` wrote."""
    return from_dict(strict(path.read_text(encoding="utf8")))


def write_curves(path: Path, curves: Curves) -> None:
    """One npz without pickle: the arrays numbered, and a JSON text that says where each belongs."""
    arrays: list[np.ndarray] = []
    tree = json.dumps(_pack(asdict(curves), arrays))
    named = {f"a{i}": a for i, a in enumerate(arrays)}
    with written_beside(path) as temporary, temporary.open("wb") as f:
        np.savez(f, **{"tree": np.array(tree)}, **named)  # type: ignore[arg-type]


def read_curves(path: Path) -> Curves:
    """What `write_curves` wrote."""
    with np.load(path, allow_pickle=False) as npz:
        tree = _unpack(json.loads(str(npz["tree"])), npz)
    samples = {m: {**s, "names": tuple(s["names"])} for m, s in tree["posterior"].items()}
    return Curves(
        {m: Samples(**s) for m, s in samples.items()},
        {m: {p: ProfileCurve(**c) for p, c in of.items()} for m, of in tree["profiles"].items()},
    )


def _pack(tree: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(tree, dict):
        return {k: _pack(v, arrays) for k, v in tree.items()}
    if isinstance(tree, np.ndarray):
        arrays.append(np.asarray(tree, dtype=np.float64))
        return {"#": len(arrays) - 1}
    return tree


def _unpack(tree: Any, npz: Mapping[str, np.ndarray]) -> Any:
    if not isinstance(tree, dict):
        return tree
    if set(tree) == {"#"}:
        return npz[f"a{tree['#']}"]
    return {k: _unpack(v, npz) for k, v in tree.items()}
