"""`register`: a version in the registry, promoted to @champion if its record passes the gate.

The pin says what came of it, and nothing that another registry would number differently.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from .. import artifact, places, settings, shards
from ..calibration import Mean, Record, Ruling, judge
from ..calibration.conclusion import log_scores
from ..durable import written_beside
from ..encoder import Encoder
from ..history import head
from ..registry import Registry, Version


def register(name: str) -> None:
    """Register the encoder with its record; promote it, or record why not."""
    thresholds = settings.modality(places.ROOT, name).register
    registry = Registry(root=places.ROOT)
    record = Record.from_dict(
        json.loads((places.encoder(name, "record") / artifact.RECORD).read_text())
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = assemble(name, Path(scratch) / "encoder")
        encoder = Encoder.load(folder)
        champion = registry.champion(name)
        other = champion if champion and champion.digest != encoder.digest else None
        difference = _difference(name, encoder, registry, other) if other else None
        verdict = judge(
            record, thresholds, difference, f"version {champion.version}" if champion else ""
        )
        if all(v.digest != encoder.digest for v in registry.versions(name)):
            registry.log_training(name, encoder.manifest["training"], _history(name))
        version = registry.register(name, folder, _tags(encoder), _metrics(record))
    if verdict.passed:
        registry.promote(version, verdict.reason)
    else:
        registry.refuse(version, verdict.reason)
    _write_pin(name, version, verdict)
    word = "promoted" if verdict.passed else "refused"
    print(f"{name} version {version.version} ({version.digest[:12]}): {word}; {verdict.reason}")


def assemble(name: str, folder: Path) -> Path:
    """The whole artifact: what finetune made, the calibration record and its page, under one manifest."""
    head, record = places.encoder(name, "head"), places.encoder(name, "record")
    facts = artifact.read_manifest(head)
    shutil.copytree(record, folder)
    for file in facts["files"]:
        shutil.copyfile(head / file, folder / file)
    facts = {k: v for k, v in facts.items() if k not in ("files", "format")}
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    artifact.write_manifest(folder, facts, files)
    return folder


def _difference(name: str, encoder: Encoder, registry: Registry, champion: Version) -> Mean | None:
    """Log score of the candidate less that of the champion, row by row, on the audit pool.

    None where they are densities of different z, which cannot be compared.
    """
    other = Encoder.load(registry.fetch(champion))
    if not _comparable(encoder.manifest, other.manifest):
        return None
    columns = shards.read_set(places.pool(name, "audit")).columns
    return Mean.measure("log score", log_scores(encoder, columns) - log_scores(other, columns))


def _comparable(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether both are densities of x, or both of the same z."""
    same = one["files"]["backbone.pt2"] == other["files"]["backbone.pt2"]
    return same or (one["log_det"] and other["log_det"])


def _tags(encoder: Encoder) -> dict[str, Any]:
    return {
        "commit": head(places.ROOT) or "none",
        "simulations": encoder.manifest["provenance"]["simulations"],
    }


def _metrics(record: Record) -> dict[str, float]:
    summary = record.summary()
    trust = (summary.get("score") or {}).get("trust_size") or {}
    score = (summary.get("log_score") or {}).get("value")
    found = {
        "trust_size": trust.get("value"),
        "trust_size_low": trust.get("low"),
        "log_score": score,
    }
    return {k: float(v) for k, v in found.items() if v is not None}


def _history(name: str) -> list[dict[str, float]]:
    history = json.loads((places.encoder(name, "head") / "history.json").read_text())
    kinds = {"loss": history["loss"], "held_out_loss": history["held_out"]}
    return [{"step": step, kind: loss} for kind, rows in kinds.items() for step, loss in rows]


def _write_pin(name: str, version: Version, verdict: Ruling) -> None:
    path = places.pin(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "modality": name,
        "digest": version.digest,
        "promoted": verdict.passed,
        "reason": verdict.reason,
    }
    with written_beside(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
