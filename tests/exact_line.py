"""The toy line with its own likelihood in the place of a learned one, and errors planted in either."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from addend_toy.line import Toy

from addend.encoder import Encoder
from addend.heads import Head
from addend.parameters import ParameterSpace, read_agreement

SPACE: ParameterSpace = read_agreement(Path(__file__).resolve().parent.parent).subset(
    Toy.parameters
)


class Line(Head):
    """psi = `sharpen` log N(y; intercept + slope t, y_err^2) + `tilt` intercept."""

    kind, normalised = "line", True

    def __init__(self, sharpen: float = 1.0, tilt: float = 0.0):
        super().__init__()
        self.sharpen, self.tilt = sharpen, tilt

    def forward(self, z, e, phi):
        r = (z[..., 0] - phi[..., 0] - phi[..., 1] * e[..., 0]) / e[..., 1]
        normal = -0.5 * r**2 - e[..., 1].log() - 0.5 * math.log(2 * math.pi)
        return self.sharpen * normal + self.tilt * phi[..., 0]

    def loss(self, z, e, phi, generator=None):
        return -self(z, e, phi).mean()

    def config(self):
        return {"sharpen": self.sharpen, "tilt": self.tilt}


def encoder(head: Head, modality=None, space: ParameterSpace = SPACE) -> Encoder:
    """An encoder whose f_m and coordinates are the identity."""
    modality, ones = modality or Toy(), [1.0] * len(space)
    facts = {
        "name": modality.name, "title": modality.title, "parameters": space.as_list(), "schema": modality.schema.as_dict(),
        "coordinates": {"centre": [0.0] * len(space), "half": ones}, "invertible": True, "log_det": True, "objective": "none",
    }  # fmt: skip
    return Encoder(facts, "0" * 64, lambda x, c: (x, c, 0 * x[:, 0]), torch.nn.Identity(), head, {})


@dataclass
class Drifted(Toy):
    """A line whose noise is `noise` times what is quoted and whose points lie `shift` too high."""

    noise: float = 1.0
    shift: float = 0.0

    def simulate(self, theta, covariates, rng: np.random.Generator):
        """y, off the encoder's idea of it."""
        truly = {**covariates, "y_err": self.noise * covariates["y_err"]}
        return {"y": super().simulate(theta, truly, rng)["y"] + self.shift}
