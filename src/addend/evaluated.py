"""What the stages of a fusion leave for each other: terms, then an answer with its arrays.

terms/    terms.json, and of each modality the encoder and embedded.safetensors (z and e)
fit/      answer.json, curves.npz          calibration/    answer.json, critical.json
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file

from . import places
from .calibration import Record
from .durable import written_beside
from .encoder import Encoder
from .fusion.answer import Answer
from .fusion.curves import Curves, ProfileCurve, Samples
from .fusion.summary import as_dict, from_dict
from .fusion.terms import Facts, Terms, assemble
from .parameters import read_agreement

TERMS, ANSWER, CURVES = "terms.json", "answer.json", "curves.npz"


def read_terms(fusion: str) -> Terms:
    """S of a fusion, in the order of its params.yaml; its support is the intersection of all.

    Raises:
        NoObservations: No modality is left.
    """
    folder = places.fusion(fusion, "terms")
    return terms_in(folder, read_facts(folder))


def read_facts(folder: Path) -> dict[str, Facts]:
    """What is known of every modality, from the folder of the terms."""
    read = json.loads((folder / TERMS).read_text())
    return {m: Facts.from_dict(d) for m, d in read.items()}


def write_facts(folder: Path, facts: Mapping[str, Facts]) -> None:
    """The order of the modalities is kept."""
    text = json.dumps({m: f.as_dict() for m, f in facts.items()}, indent=1)
    (folder / TERMS).write_text(text + "\n")


def terms_in(folder: Path, facts: Mapping[str, Facts]) -> Terms:
    """S of what was embedded in a folder, with the corrections that the facts state."""
    used = [m for m, f in facts.items() if f.dropped is None]
    encoders = {m: Encoder.load(folder / m / "encoder") for m in used}
    records = {m: Record.from_dict(e.record) if e.record else None for m, e in encoders.items()}
    made = {m: load_file(folder / m / "embedded.safetensors") for m in used}
    embedded = {m: (d["z"], d["e"]) for m, d in made.items()}
    return assemble(encoders, embedded, records, facts, read_agreement(places.ROOT))


def write_answer(path: Path, answer: Answer) -> None:
    """The answer as JSON."""
    text = json.dumps(as_dict(answer), indent=2, ensure_ascii=False, allow_nan=False)
    with written_beside(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf8", newline="\n")


def read_answer(path: Path) -> Answer:
    """What `write_answer` wrote."""
    return from_dict(json.loads(path.read_text(encoding="utf8")))


def write_curves(path: Path, curves: Curves) -> None:
    """One npz without pickle: the arrays numbered, and a JSON text that says where each belongs."""
    arrays: list[np.ndarray] = []
    tree = json.dumps(_pack(asdict(curves), arrays))
    with written_beside(path) as temporary, temporary.open("wb") as f:
        np.savez(f, tree=np.array(tree), **{f"a{i}": a for i, a in enumerate(arrays)})


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
