"""`calibrate`: what an encoder's errors are, and up to which number of observations they do not matter.

Its simulator is asked afresh (`calibration.measure`); the pools that training never saw add the held-out log score and
the simulated support. The record is `record.json`, and in words and figures `index.html`.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from .. import artifact, places, settings, shards
from ..calibration import Mean, Outside, Record, Support, fit_centring, judge
from ..calibration.centring import Centring, helps
from ..calibration.measure import PARTS, measure
from ..durable import fresh_folder
from ..encoder import Encoder
from ..modality import Columns, Modality, find
from ..progress import progress
from ..report import encoder_record, write_encoder
from ..settings import EncoderCalibration, Thresholds

SUPPORT_ROWS = 20_000
CENTRING_DEGREE = 2


def calibrate(name: str) -> None:
    """Measure the encoder that `finetune` left, and write its record."""
    torch.set_num_threads(1)
    modality, encoder = find(name), Encoder.load(places.encoder(name, "head"))
    asked = settings.modality(places.ROOT, name)
    amount, thresholds = asked.calibrate, asked.register
    audit, pool = (shards.read_set(places.pool(name, p)).columns for p in ("audit", "calibrate"))
    measured = _measured(encoder, modality, amount)
    record = conclude(measured, encoder, modality, audit, pool, amount.seed)
    with fresh_folder(places.encoder(name, "record")) as folder:
        (folder / artifact.RECORD).write_text(json.dumps(record.as_dict(), allow_nan=False) + "\n")
        write_page(folder, encoder, record, thresholds)


def _measured(encoder: Encoder, modality: Modality, amount: EncoderCalibration) -> list[Record]:
    simulations, measured = -(-amount.cells * amount.simulations // PARTS), []
    with progress(f"calibrate {encoder.name}", PARTS * simulations, "simulations") as update:
        for part in range(PARTS):
            measured.append(measure(encoder, modality, amount, part))
            update((part + 1) * simulations)
    return measured


def conclude(
    measured: list[Record],
    encoder: Encoder,
    modality: Modality,
    audit: Columns,
    pool: Columns,
    seed: int,
) -> Record:
    """The sum of the parts, and what the pools add to it."""
    support = Support.measure(
        _embedded(encoder, pool)[:SUPPORT_ROWS], np.random.default_rng([seed, *b"support"])
    )
    sets = {
        name: _embedded(encoder, modality.read(table)) for name, table in modality.sets().items()
    }
    parts = {f"outside_{name}": Outside.measure(name, support, rows) for name, rows in sets.items()}
    parts["log_score"] = Mean.measure("log p(x | theta)", log_scores(encoder, audit))
    record = total(measured)
    return replace(
        record, parts=record.parts | parts, support=support, centring=centring(measured, encoder)
    )


def total(records: list[Record]) -> Record:
    """The sum of records of one encoder."""
    first, *rest = records
    return total([first + rest[0], *rest[1:]]) if rest else first


def centring(measured: list[Record], encoder: Encoder) -> Centring | None:
    """Fitted to one half of the parts, if the other half says that N* gains by it."""
    fit, audit = (total(measured[half::2]).parts["score"] for half in (0, 1))
    found = fit_centring(fit, encoder.space.low, encoder.space.high, CENTRING_DEGREE)
    return found if helps(found, audit) else None


def log_scores(encoder: Encoder, pool: Columns) -> np.ndarray:
    """log p(x | theta) `(n,)` in nats of held-out pairs: what a candidate and the champion are compared by."""
    theta = torch.from_numpy(shards.theta_of(pool, encoder.space.names))
    return encoder.log_score(pool, theta).numpy()


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


def _embedded(encoder: Encoder, columns: Columns) -> np.ndarray:
    """(z, e) `(N, Z + E)`."""
    return torch.cat(encoder.embed(columns), dim=1).numpy()


def _log_score(mean: Mean) -> str:
    return f"{mean.value:.4f} ± {mean.error:.4f} nat"
