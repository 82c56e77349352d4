"""What encoders of the wider kinds reach, in figures: `python -m benchmarks see`, in a project whose demo has run.

    supernovae      the registered encoder on the published table, held to the exact likelihood over a grid of (Om, M)

H0 = 70 km/s/Mpc throughout: to supernovae only M - 5 log10 H0 exists. The table is read where it lies and kept nowhere;
without it nothing is measured.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from addend.calibration import Record
from addend.calibration.trust import trust_size
from addend.champions import champion
from addend.encoder import Encoder
from addend.modality import Columns, find
from addend.table import read_table

from .record import table, write

PLACE = Path("shared/data/real/sn/des_dovekie/DES-Dovekie_HD.csv")
OM, M = np.linspace(0.28, 0.42, 71), np.linspace(-0.1, 0.15, 61)
INSIDE = 3.0
"""Nats below the maximum: the 95 % region of two parameters."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
C = 299792.458


def run(quick: bool) -> None:
    """Measure, print and keep."""
    if (path := published()) is None:
        print(f"no {PLACE.name} at hand: nothing is measured")
        return
    rows = [supernovae(Encoder.load(champion("supernovae")), path)]
    print(table(rows))
    write("see", quick, rows)


def published() -> Path | None:
    """Where the published table lies, beside the project; None where it does not."""
    path = Path(__file__).resolve().parents[2] / PLACE
    return path if path.exists() else None


def supernovae(encoder: Encoder, path: Path) -> dict[str, Any]:
    """The learned S of the published table against the exact one."""
    modality = find("supernovae")
    raw = read_table(path, modality.table)
    columns = modality.read(raw)
    exact, learned = exact_sum(raw), learned_sum(encoder, columns)
    off, weight = learned - exact, np.exp(exact - exact.max())
    inside = exact > exact.max() - INSIDE
    off = off[inside] - np.average(off[inside], weights=weight[inside])
    (mean, width), (found, own) = (moments(s) for s in (exact, learned))
    size = trust_size(Record.known(encoder).parts["score"])
    return {
        "what": "supernovae", "N": len(raw["MU"]), "delta S rms [nat]": float(np.sqrt((off**2).mean())),
        "Om exact": mean, "error": width, "Om learned": found,
        "off [sigma]": (found - mean) / width, "width ratio": own / width, "N* at least": size.low,
    }  # fmt: skip


def exact_sum(raw: Columns) -> np.ndarray:
    """log p `(Om, M)` in nats up to a constant, from the columns as they were released; written apart from the simulator."""
    z, observed, mu, error = (raw[k] for k in ("zHD", "zHEL", "MU", "MUERR"))
    found = []
    for om in OM:
        t = 0.5 * z[:, None] * (1 + _NODES)
        distance = C / 70 * 0.5 * z * (_WEIGHTS / np.sqrt(om * (1 + t) ** 3 + 1 - om)).sum(1)
        off = mu - 5 * np.log10((1 + observed) * distance * 1e5)
        found.append([-0.5 * (((off - m) / error) ** 2).sum() for m in M])
    return np.array(found)


def learned_sum(encoder: Encoder, columns: Columns) -> np.ndarray:
    """S `(Om, M)` of an encoder."""
    z, e = encoder.embed(columns)
    grid = np.stack(np.meshgrid(OM, M, indexing="ij"), -1).reshape(-1, 2)
    theta = torch.from_numpy(np.column_stack([np.full(len(grid), 70.0), grid]))
    with torch.no_grad():
        s = torch.cat([encoder.psi(z, e, part).double().sum(1) for part in theta.split(128)])
    return s.numpy().reshape(len(OM), len(M))


def moments(s: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of Om under exp S."""
    p = np.exp(s - s.max()).sum(axis=1)
    mean = float((p * OM).sum() / p.sum())
    return mean, float(np.sqrt((p * (OM - mean) ** 2).sum() / p.sum()))
