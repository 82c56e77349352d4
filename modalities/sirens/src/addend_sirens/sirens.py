r"""Bright sirens: compact binaries of known host, heard by two detectors.

theta enters through the luminosity distance of the host alone. Everything else that makes the strain is drawn (`population`),
until the event is detected: theta keeps its law, and what is simulated is p(x | theta, covariates, detected).
"""

import numpy as np
import torch
from torch import Tensor, nn

from addend.errors import BadTable
from addend.modality import Columns, Field, Modality, Schema
from addend.pretrain import Backbone

from . import detectors, population, waveform
from .distance import Distance, luminosity
from .filters import Filters
from .marginal import NODES, Marginal, reference

STRAIN = (len(detectors.DETECTORS), waveform.SAMPLES)
TRIES = 2000
DEAF = 0.25
"""The least sum of F^2, over its bound, of a direction from which hosts are simulated."""
SOFT = 0.15
"""Mean square of one polarisation's amplitude in units of (rho / d)^2, over all inclinations."""


class Embed(nn.Module):
    """f_m: strain `(N, 2 SAMPLES)` and covariates `(N, 4)` -> Chebyshev coefficients of psi in ln d, and the redshift."""

    def __init__(self) -> None:
        super().__init__()
        self.filters, self.marginal = Filters(), Marginal()

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor, None]:
        """z, e and no log|det|."""
        z, z_err, longitude, latitude = c.double().unbind(1)
        plus, cross, delay = detectors.response(longitude, latitude)
        strain = x.double().reshape(-1, *STRAIN)
        q, rho, variance = self.filters(strain, delay, weighing(plus, cross, z), z)
        psi = self.marginal(q, rho, variance, plus, cross, z, z_err)
        return psi[:, 1:], z[:, None], None


def weighing(plus: Tensor, cross: Tensor, z: Tensor) -> Tensor:
    """F (F'F + lambda)^-1 F' `(N, 3)`: 11, 22 and 12; lambda is that of a signal at the distance `reference`."""
    soft = (reference(z) / 25.0) ** 2 / SOFT
    a, b = (plus * plus).sum(1) + soft, (cross * cross).sum(1) + soft
    ab = (plus * cross).sum(1)
    det = a * b - ab * ab

    def element(i: int, j: int) -> Tensor:
        mixed = plus[:, i] * cross[:, j] + cross[:, i] * plus[:, j]
        both = b * plus[:, i] * plus[:, j] + a * cross[:, i] * cross[:, j] - ab * mixed
        return both / det

    return torch.stack([element(0, 0), element(1, 1), element(0, 1)], 1)


class Sirens(Modality):
    """One event an observation."""

    name = "sirens"
    title = "Standard sirens"
    parameters = ("H0", "Om")
    schema = Schema(
        (Field("strain", "1", "whitened strain of H1 and L1", shape=STRAIN, dtype="float32"),),
        (
            Field("z", "1", "redshift of the host", positive=True),
            Field("z_err", "1", "its error, peculiar velocity included", positive=True),
            Field("longitude", "rad", "of the host, in the Earth's frame at arrival"),
            Field("latitude", "rad", "of the host, in the Earth's frame at arrival"),
        ),
    )

    def __init__(self) -> None:
        self._bank: Filters | None = None

    def covariates(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Hosts in a direction as often as signals from there are loud; redshifts twice as often at twice the distance."""
        near, far = population.REDSHIFTS
        z = np.sqrt(rng.uniform(near**2, far**2, n))
        z_err = rng.uniform(*population.ERRORS, n)
        longitude, sine, chosen = rng.uniform(0, 2 * np.pi, n), rng.uniform(-1, 1, n), rng.random(n)
        left = chosen > _share(longitude, sine)
        while left.any():
            k = int(left.sum())
            longitude[left], sine[left] = rng.uniform(0, 2 * np.pi, k), rng.uniform(-1, 1, k)
            left[left] = rng.random(k) > _share(longitude[left], sine[left])
        return {"z": z, "z_err": z_err, "longitude": longitude, "latitude": np.arcsin(sine)}

    def simulate(
        self, theta: np.ndarray, covariates: Columns, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Strain of detected events at theta `(N, 2)` of N hosts, each drawn again until it is one, from a stream of its own."""
        drawn, base = latents(len(theta), rng), int(rng.integers(2**62))
        strain = np.zeros((len(theta), *STRAIN), dtype=np.float32)
        left = np.arange(len(theta))
        own: dict[int, np.random.Generator] = {}
        for _ in range(TRIES):
            those = {k: np.asarray(v)[left] for k, v in covariates.items()}
            strain[left] = self.heard(theta[left], those, drawn)
            left = left[self.loudest(strain[left], those) < population.THRESHOLD]
            if not left.size:
                return {"strain": strain}
            own = {k: own.get(k) or np.random.default_rng([base, k]) for k in left.tolist()}
            again = [latents(1, each) for each in own.values()]
            drawn = {k: np.concatenate([each[k] for each in again]) for k in drawn}
        at = {k: float(np.asarray(v)[left[0]]) for k, v in covariates.items()}
        raise BadTable(
            f"no event of {TRIES} was detected from the host at {at}, with theta {theta[left[0]]}",
            "choose hosts that detectors hear: nearer ones, or from other directions",
        )

    def heard(self, theta: np.ndarray, covariates: Columns, drawn: Columns) -> np.ndarray:
        """Whitened strain `(N, 2, SAMPLES)` of what was drawn by `latents`, detected or not."""
        z, psi = np.asarray(covariates["z"]), drawn["psi"]
        moving = z + np.asarray(covariates["z_err"]) * drawn["moving"]
        far = luminosity(*(torch.from_numpy(a) for a in (moving, *theta.T.copy()))).numpy()
        plus, cross, delay = (part.numpy() for part in detectors.response(*_place(covariates)))
        cos, sin = np.cos(2 * psi)[:, None], np.sin(2 * psi)[:, None]
        along = (plus * cos + cross * sin) * ((1 + drawn["cosine"] ** 2) / 2)[:, None]
        across = (cross * cos - plus * sin) * drawn["cosine"][:, None]
        size = (along + 1j * across) * np.exp(1j * drawn["phase"])[:, None] / far[:, None]
        late = (delay + drawn["time"][:, None])[:, :, None] * waveform.FREQUENCIES
        mc = np.exp(population.MASS + population.SPREAD * drawn["mass"]) * (1 + z)
        made = waveform.templates(mc, population.symmetric(drawn["ratio"]))[:, None]
        signal = waveform.series(made * size[:, :, None] * np.exp(-2j * np.pi * late))
        return np.asarray(signal + drawn["noise"], dtype=np.float32)

    def loudest(self, strain: np.ndarray, covariates: Columns) -> np.ndarray:
        """The network signal-to-noise ratio `(N,)` of the loudest filter of the bank that detects, a coarser one than f_m's."""
        self._bank = self._bank or Filters(0.03, 1, 0.0005).float()
        *_, delay = detectors.response(*_place(covariates))
        parts = zip(torch.from_numpy(strain).split(1024), delay.float().split(1024), strict=True)
        with torch.no_grad():
            return torch.cat([self._bank.loudest(*part) for part in parts]).numpy()

    def backbone(self) -> Backbone:
        """Matched filters, and all that is not theta marginalised: psi at distances, as Chebyshev coefficients."""
        return Backbone(Embed(), NODES - 1, 1, log_det=False, invertible=False)

    def head(self) -> nn.Module:
        """psi at the distance that theta says."""
        return Distance()

    def read(self, table: Columns) -> dict[str, np.ndarray]:
        """Events as they come; `BadTable` for one that was not detected."""
        self.schema.check(table)
        found = {f.name: np.asarray(table[f.name], dtype=f.dtype) for f in self.schema.fields}
        loud = self.loudest(found["strain"], found)
        if (loud < population.THRESHOLD).any():
            row = int(np.argmax(loud < population.THRESHOLD))
            raise BadTable(
                f"row {row + 1} of {len(loud)} has a signal-to-noise ratio of {loud[row]:.2f}, "
                f"below the threshold of {population.THRESHOLD:g}",
                "leave out what was not detected: the selection is part of psi",
            )
        return found


def latents(n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What nobody knows of n events, and the noise `(n, 2, SAMPLES)`, from the laws of `population`."""
    return {
        "mass": rng.standard_normal(n), "ratio": rng.uniform(*population.RATIO, n),
        "cosine": rng.uniform(-1, 1, n), "psi": rng.uniform(0, np.pi, n),
        "phase": rng.uniform(0, 2 * np.pi, n), "moving": rng.standard_normal(n),
        "time": rng.uniform(-population.WINDOW, population.WINDOW, n),
        "noise": rng.standard_normal((n, *STRAIN)),
    }  # fmt: skip


def _place(covariates: Columns) -> list[Tensor]:
    return [torch.from_numpy(np.asarray(covariates[k])) for k in ("longitude", "latitude")]


def _share(longitude: np.ndarray, sine: np.ndarray) -> np.ndarray:
    """How much of the volume of the best direction is within hearing, (sum F^2 / its bound)^3/2; none of deaf ones."""
    plus, cross, _ = detectors.response(
        *(torch.from_numpy(a) for a in (longitude, np.arcsin(sine)))
    )
    power = ((plus**2 + cross**2).sum(1) / len(detectors.DETECTORS)).numpy()
    return np.where(power < DEAF, 0.0, power**1.5)
