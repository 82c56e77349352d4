"""What `evaluate` leaves: the terms of a fusion.

terms/    terms.json, and of each modality the encoder and embedded.safetensors (z and e)
"""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file

from . import places
from .calibration import Record
from .encoder import Encoder
from .fusion.terms import Facts, Terms, assemble
from .parameters import read_agreement
from .sealed import refuse, require_sealed
from .strict import strict

TERMS = "terms.json"


def read_terms(fusion: str) -> Terms:
    """S of a fusion, in the order of its params.yaml; its support is the intersection of all.

    Raises:
        NoObservations: No modality is left.
        NotMade, TamperedFile: There are no terms, or they are not what `evaluate` wrote.
    """
    folder = require_sealed(places.fusion(fusion, "terms"), f"evaluate@{fusion}")
    return terms_in(folder, read_facts(folder))


def read_facts(folder: Path) -> dict[str, Facts]:
    """What is known of every modality, from the folder of the terms."""
    read = strict((folder / TERMS).read_text())
    return {m: Facts.from_dict(d) for m, d in read.items()}


def write_facts(folder: Path, facts: Mapping[str, Facts]) -> None:
    """The order of the modalities is kept."""
    text = json.dumps({m: f.as_dict() for m, f in facts.items()}, indent=1)
    (folder / TERMS).write_text(text + "\n")


def terms_in(folder: Path, facts: Mapping[str, Facts]) -> Terms:
    """S of what was embedded in a folder, with the corrections that the facts state."""
    used = [m for m, f in facts.items() if f.dropped is None]
    encoders = {m: Encoder.load(folder / m / "encoder") for m in used}
    records = {m: Record.of(e) for m, e in encoders.items()}
    made = {m: load_file(folder / m / "embedded.safetensors") for m in used}
    embedded = {m: (d["z"], d["e"]) for m, d in made.items()}
    for m, (z, e) in embedded.items():
        _require_rows(folder / m, facts[m], len(z), len(e))
    return assemble(encoders, embedded, records, facts, read_agreement(places.ROOT))


def _require_rows(folder: Path, facts: Facts, *rows: int) -> None:
    """Raise `TamperedFile` unless z and e have a row for every observation of every shard."""
    counted = sum(shard["n"] for shard in facts.shards)
    if {facts.n, counted, *rows} != {facts.n}:
        found = f"{', '.join(map(str, rows))} rows of z and e, {counted} in its shards"
        refuse(folder, f"it has {found}, expected {facts.n}", f"evaluate@{folder.parents[1].name}")
