"""`calibrate`: what an encoder's errors are, and up to which number of observations they do not matter.

Its simulator is asked afresh (`calibration.measure`); the pools that training never saw add the held-out log score and
the simulated support. The record is `record.json`, and in words and figures `index.html`.
"""

import json
from pathlib import Path

import torch

from .. import artifact, places, settings, shards
from ..calibration import Mean, Record, judge
from ..calibration.additive import rounded
from ..calibration.blocks import encoder_record
from ..calibration.conclusion import conclude
from ..calibration.measure import PARTS, measure_part
from ..encoder import Encoder
from ..modality import Modality, find
from ..progress import progress
from ..report.encoder_page import write_encoder
from ..sealed import sealed_folder
from ..settings import EncoderCalibration, Thresholds


def calibrate(name: str) -> None:
    """Measure the encoder that `finetune` left, and write its record."""
    torch.set_num_threads(1)
    modality, asked = find(name), settings.modality(places.ROOT, name)
    encoder = Encoder.load(places.encoder(name, "head"))
    amount, thresholds = asked.calibrate, asked.register
    audit, pool = (shards.open_set(places.pool(name, p)) for p in ("audit", "calibrate"))
    measured = _measured(encoder, modality, amount)
    found = conclude(measured, encoder, modality, audit, pool, amount.seed)
    record = Record.from_dict(rounded(found.as_dict()))
    with sealed_folder(places.encoder(name, "record")) as folder:
        (folder / artifact.RECORD).write_text(json.dumps(record.as_dict(), allow_nan=False) + "\n")
        write_page(folder, encoder, record, thresholds)


def _measured(encoder: Encoder, modality: Modality, amount: EncoderCalibration) -> list[Record]:
    simulations, measured = -(-amount.cells * amount.simulations // PARTS), []
    with progress(f"calibrate {encoder.name}", PARTS * simulations, "simulations") as update:
        for part in range(PARTS):
            measured.append(measure_part(encoder, modality, amount, part))
            update((part + 1) * simulations)
    return measured


def write_page(folder: Path, encoder: Encoder, record: Record, thresholds: Thresholds) -> Path:
    """The calibration page, `index.html` and its figures in `folder`: the record, held against the thresholds."""
    facts = {
        "objective": encoder.manifest["objective"], "encoder": encoder.digest[:16],
        "simulations for the score": f"{record.parts['score'].n.sum():,.0f}",
        "data sets for the regions": f"{record.parts['coverage_N'].n:,.0f} of 1 and as many of {record.expected}",
        "held-out log score": _log_score(record.parts["log_score"]),
    }  # fmt: skip
    gate = judge(record, thresholds) if thresholds.as_dict() else None
    return write_encoder(
        folder,
        encoder_record(record, encoder.space, gate, title=encoder.manifest["title"], facts=facts),
    )


def _log_score(mean: Mean) -> str:
    return f"{mean.value:.4f} ± {mean.error:.4f} nat"
