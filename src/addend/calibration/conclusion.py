"""The record of an encoder from its parts: their sum, and what the pools that training never saw add to it."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ..encoder import Encoder
from ..modality import Modality
from ..pools import theta_of
from ..schema import Columns
from ..shards import ObservationSet
from .centring import Centring, fit_centring, helps
from .information import Mean
from .record import Record
from .support import Outside, Support

SUPPORT_ROWS = 20_000
CENTRING_DEGREE = 2


def conclude(
    measured: list[Record],
    encoder: Encoder,
    modality: Modality,
    audit: ObservationSet,
    pool: ObservationSet,
    seed: int,
) -> Record:
    """The sum of the parts, and what the pools add to it, each read shard by shard."""
    rows = _first(encoder, pool, SUPPORT_ROWS)
    support = Support.measure(rows, np.random.default_rng([seed, *b"support"]))
    sets = {
        name: _embedded(encoder, modality.read(table)) for name, table in modality.sets().items()
    }
    parts: dict[str, Any] = {
        f"outside_{name}": Outside.measure(name, support, rows) for name, rows in sets.items()
    }
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


def log_scores(encoder: Encoder, pool: ObservationSet) -> np.ndarray:
    """log p(x | theta) `(n,)` in nats of held-out pairs: what a candidate and the champion are compared by."""
    names = encoder.space.names
    scores = [encoder.log_score(c, torch.from_numpy(theta_of(c, names))) for _, c in pool]
    return torch.cat(scores).numpy()


def _first(encoder: Encoder, pool: ObservationSet, n: int) -> np.ndarray:
    """(z, e) of the first n rows of a pool."""
    found: list[np.ndarray] = []
    for _, columns in pool:
        found.append(_embedded(encoder, columns))
        if sum(map(len, found)) >= n:
            break
    return np.concatenate(found)[:n]


def _embedded(encoder: Encoder, columns: Columns) -> np.ndarray:
    """(z, e) `(N, Z + E)`."""
    return torch.cat(encoder.embed(columns), dim=1).numpy()
