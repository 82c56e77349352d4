"""`calibrate`: what an encoder's errors are, and up to which number of observations they do not matter.

Its simulator is asked afresh (`calibration.measure`); the pools that training never saw add the held-out log score and
the simulated support. The record is `record.json`, and in words and figures `index.html`.
"""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import torch

from .. import artifact, places, shards
from ..calibration import Mean, Outside, Record, Support, fit_centring, judge
from ..calibration.additive import rounded
from ..calibration.centring import Centring, helps
from ..calibration.measure import PARTS, Budget, measure
from ..durable import fresh_folder
from ..encoder import Encoder
from ..errors import BadSetting
from ..modality import Columns, Modality, find
from ..progress import progress
from ..report import encoder_record, write_encoder

SUPPORT_ROWS = 20_000
CENTRING_DEGREE = 2


def calibrate(name: str) -> None:
    """Measure the encoder that `finetune` left, and write its record."""
    torch.set_num_threads(1)
    modality, encoder = find(name), Encoder.load(places.encoder(name, "head"))
    budget = read_budget(places.settings(name, "calibrate"))
    audit, pool = (shards.read_set(places.pool(name, p)).columns for p in ("audit", "calibrate"))
    measured = _measured(encoder, modality, budget)
    found = conclude(measured, encoder, modality, audit, pool, budget.seed)
    record = Record.from_dict(rounded(found.as_dict()))
    with fresh_folder(places.encoder(name, "record")) as folder:
        (folder / artifact.RECORD).write_text(json.dumps(record.as_dict(), allow_nan=False) + "\n")
        write_page(folder, encoder, record, places.settings(name, "register"))


def _measured(encoder: Encoder, modality: Modality, budget: Budget) -> list[Record]:
    simulations, measured = -(-budget.cells * budget.simulations // PARTS), []
    with progress(f"calibrate {encoder.name}", PARTS * simulations, "simulations") as update:
        for part in range(PARTS):
            measured.append(measure(encoder, modality, budget, part))
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


def write_page(folder: Path, encoder: Encoder, record: Record, thresholds: dict) -> Path:
    """The calibration page, `index.html` and its figures in `folder`: the record, held against the thresholds."""
    facts = {
        "objective": encoder.manifest["objective"], "encoder": encoder.digest[:16],
        "simulations for the score": f"{record.parts['score'].n.sum():,.0f}",
        "data sets for the regions": f"{record.parts['coverage_N'].n:,.0f} of 1 and as many of {record.expected}",
        "held-out log score": _log_score(record.parts["log_score"]),
    }  # fmt: skip
    gate = judge(record, thresholds) if thresholds else None
    return write_encoder(
        folder,
        encoder_record(record, encoder.space, gate, title=encoder.manifest["title"], facts=facts),
    )


def read_budget(settings: dict) -> Budget:
    """The `calibrate` section as a `Budget`, every number a positive whole one."""
    for field in fields(Budget):
        value = settings.get(field.name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise BadSetting(
                f"calibrate.{field.name} is {value}, expected a whole number from 1 up",
                "mend it in params.yaml",
            )
    return Budget(**{f.name: settings[f.name] for f in fields(Budget)})


def _embedded(encoder: Encoder, columns: Columns) -> np.ndarray:
    """(z, e) `(N, Z + E)`."""
    return torch.cat(encoder.embed(columns), dim=1).numpy()


def _log_score(mean: Mean) -> str:
    return f"{mean.value:.4f} ± {mean.error:.4f} nat"
