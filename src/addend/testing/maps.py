"""Maps whose likelihood is known: a periodic Gaussian field with a power law for a spectrum, and white noise.

    x_k ~ N(0, P(k)),   P(k) = exp(amplitude) (k / k_0)^slope + 1,      log p = -1/2 sum_k [ |x_k|^2 / P(k) + log P(k) ]

k runs over all modes of an orthonormal Fourier transform. Amplitude and slope of large and small scales trade places.
"""

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from addend.modality import Columns, Field, Modality, Schema

SIDE, PIVOT = 16, 4.0
PARAMETERS = {
    "amplitude": {"unit": "1", "definition": "log power at the pivot", "latex": "a", "low": -1.0, "high": 2.0},
    "slope": {"unit": "1", "definition": "slope of the power", "latex": "s", "low": -2.5, "high": -0.5},
}  # fmt: skip


def wavenumbers() -> np.ndarray:
    """|k| of every mode `(SIDE, SIDE)`; the mean of a map, whose power the law does not give, counts as one."""
    k = np.fft.fftfreq(SIDE) * SIDE
    return np.maximum(np.hypot(*np.meshgrid(k, k)), 1.0)


def power(theta: np.ndarray) -> np.ndarray:
    """P(k) `(N, SIDE, SIDE)` at theta `(N, 2)`."""
    amplitude, slope = theta.T[:, :, None, None]
    return np.exp(amplitude) * (wavenumbers() / PIVOT) ** slope + 1


def log_p(maps: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """log p `(N,)` in nats, up to a constant, of maps `(N, SIDE, SIDE)` each at its theta `(N, 2)`."""
    p, x = power(theta), np.fft.fft2(maps, norm="ortho")
    return -0.5 * (np.abs(x) ** 2 / p + np.log(p)).sum((1, 2))


class Maps(Modality):
    """One map an observation, 16 by 16. It takes the toy's name, whose package is installed."""

    name = "toy"
    title = "Gaussian maps"
    parameters = ("amplitude", "slope")
    schema = Schema(
        (Field("map", "1", "field", shape=(SIDE, SIDE), dtype="float32"),),
        (Field("epoch", "1", "means nothing"),),
    )

    def covariates(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Uniform."""
        return {"epoch": rng.uniform(size=n)}

    def simulate(
        self, theta: np.ndarray, covariates: Columns, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Maps at theta `(N, 2)`."""
        white = np.fft.fft2(rng.standard_normal((len(theta), SIDE, SIDE)), norm="ortho")
        made = np.fft.ifft2(white * np.sqrt(power(theta)), norm="ortho").real
        return {"map": made.astype(np.float32)}

    def log_likelihood(self, columns: Columns, theta: np.ndarray) -> np.ndarray:
        """Exact."""
        return log_p(columns["map"], theta)

    def read(self, table: Columns) -> dict[str, np.ndarray]:
        """The fields as they are."""
        self.schema.check(table)
        return {f.name: np.asarray(table[f.name], dtype=f.dtype) for f in self.schema.fields}


def lay_out(root: Path, settings: dict[str, Any]) -> None:
    """A project of this modality alone."""
    (root / "modalities" / "toy").mkdir(parents=True)
    (root / "parameters.yaml").write_text(yaml.safe_dump(PARAMETERS))
    (root / "modalities" / "toy" / "params.yaml").write_text(yaml.safe_dump(settings))
