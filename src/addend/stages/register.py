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
from ..encoder import Encoder
from ..history import head
from ..registry import Registry, Version
from ..sealed import require_sealed, write_json


def register(name: str, apart: bool = False) -> None:
    """Register the encoder with its record; promote it, or record why not. The pin may lie apart (`places.pin`)."""
    thresholds = settings.modality(places.ROOT, name).register
    registry = Registry(root=places.ROOT)
    require_sealed(places.encoder(name, "record"), f"modalities/{name}/dvc.yaml:calibrate")
    with tempfile.TemporaryDirectory() as scratch:
        folder = assemble(name, Path(scratch) / "encoder")
        encoder = Encoder.load(folder)
        record = Record.known(encoder)
        champion = registry.champion(name)
        other = champion if champion and champion.digest != encoder.digest else None
        difference = _difference(name, encoder, registry, other) if other else None
        verdict = judge(
            record, thresholds, difference, f"version {champion.version}" if champion else ""
        )
        if all(v.digest != encoder.digest for v in registry.versions(name)):
            training, history = encoder.manifest["training"], _history(name)
            registry.log_training(name, training, history, encoder.digest)
        version = registry.register(name, folder, _tags(encoder), _metrics(record))
    if verdict.passed:
        registry.promote(version, verdict.reason)
    else:
        registry.refuse(version, verdict.reason)
    _write_pin(places.pin(name, apart), name, version, verdict)
    word = "promoted" if verdict.passed else "refused"
    print(f"{name} version {version.version} ({version.digest[:12]}): {word}; {verdict.reason}")


def assemble(name: str, folder: Path) -> Path:
    """The whole artifact: what finetune made and the calibration record, under one manifest."""
    head, record = places.encoder(name, "head"), places.encoder(name, "record")
    facts = artifact.read_manifest(head)
    folder.mkdir()
    for file in facts["files"]:
        shutil.copyfile(head / file, folder / file)
    shutil.copyfile(record / artifact.RECORD, folder / artifact.RECORD)
    stated = {k: v for k, v in facts.items() if k not in ("files", "format")}
    artifact.write_manifest(folder, stated, sorted([*facts["files"], artifact.RECORD]))
    return folder


def _difference(name: str, encoder: Encoder, registry: Registry, champion: Version) -> Mean | None:
    """Log score of the candidate less that of the champion, row by row, on the audit pool.

    None where they are densities of different z or no densities, which cannot be compared.
    """
    other = Encoder.load(registry.fetch(champion))
    both = (encoder.head, other.head)
    alike = all(h.anchored for h in both) and both[0].normalised == both[1].normalised
    if not (alike and _comparable(encoder.manifest, other.manifest)):
        return None
    pool = shards.open_set(places.pool(name, "audit"))
    return Mean.measure("log score", log_scores(encoder, pool) - log_scores(other, pool))


def _comparable(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether both are densities of x, or both of the same z."""
    parts = ("backbone.json", "backbone.safetensors")
    same = all(one["files"][part] == other["files"][part] for part in parts)
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
    """The learning curves of g_m and, where it learned, of f_m."""
    kinds: dict[str, list[list[float]]] = {}
    for part, prefix in (("head", ""), ("backbone", "f_m_")):
        history = json.loads((places.encoder(name, part) / "history.json").read_text())
        kinds |= {f"{prefix}loss": history["loss"], f"{prefix}held_out_loss": history["held_out"]}
    return [{"step": step, kind: loss} for kind, rows in kinds.items() for step, loss in rows]


def _write_pin(path: Path, name: str, version: Version, verdict: Ruling) -> None:
    content = {
        "modality": name,
        "digest": version.digest,
        "promoted": verdict.passed,
        "reason": verdict.reason,
    }
    write_json(path, content)
