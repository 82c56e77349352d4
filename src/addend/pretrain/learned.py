r"""f_m as it was learned: inputs in fixed units, a trained network, features made uncorrelated.

    z = (h(x, c) - mean) W,        W' Cov(h) W = 1 on the train pool

Directions in which the features vary by less than `FLAT` of the most are dropped: a density of features that are nearly
functions of each other diverges (methods D4). All statistics are those of the train pool over all theta, and are then frozen
(methods D15.21). The map loses information: no log|det| is given, and what is lost is measured.
Training is in float32; frozen, f_m is in float64, since a last digit of float32 depends on where in memory the weights lie.
"""

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import NoFeatures
from ..numerics import linear
from ..schema import Columns, Schema
from .backbone import Backbone
from .objective import Objective

FLAT, TINY = 1e-6, 1e-300


class Inputs(nn.Module):
    """x and c in units of their own spread, one for all elements of a field; a mask or a flag stays as it is.

    A positive covariate enters as its logarithm.

    Arguments:
        schema: The fields.
        columns: Simulated observations whose statistics are frozen here.
    """

    x_centre: Tensor
    x_scale: Tensor
    c_centre: Tensor
    c_scale: Tensor
    c_log: Tensor

    def __init__(self, schema: Schema, columns: Columns):
        super().__init__()
        logs = {f.name for f in schema.covariates if f.positive}
        columns = {**columns, **{name: np.log(columns[name]) for name in logs}}
        of_log = [f.name in logs for f in schema.covariates for _ in range(f.size)]
        self.register_buffer("c_log", torch.tensor(of_log, dtype=torch.bool))
        plain = {f.mask for f in schema.observables} | {f.present for f in schema.observables}
        for key, fields in (("x", schema.observables), ("c", schema.covariates)):
            laws = [_law(columns[f.name], f.name in plain, f.size) for f in fields]
            for k, part in enumerate(("centre", "scale")):
                told = np.concatenate([law[k] for law in laws]) if laws else np.zeros(0)
                kind = torch.float64 if key == "c" else torch.float32
                self.register_buffer(f"{key}_{part}", torch.from_numpy(told).to(kind))

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """x `(N, X)` and c `(N, C)`, in float32 while f_m is trained and in float64 from then on."""
        x, c = x.to(self.x_scale.dtype), c.double()
        c = torch.where(self.c_log, torch.log(c.clamp(min=TINY)), c)
        return (x - self.x_centre) / self.x_scale, ((c - self.c_centre) / self.c_scale).to(
            self.x_scale.dtype
        )


class Learned(nn.Module):
    """x `(N, X)`, c `(N, C)` -> z `(N, Z)`, e `(N, E)`, None; z and e float64.

    Arguments:
        inputs: Fixed units.
        objective: Trained; its `features` are what z is made of.
        whiten: mean `(F,)` and W `(F, Z)`.
        averaged: For each covariate how many elements it has: e has their means, in the units of `inputs`.
    """

    mean: Tensor
    whitener: Tensor

    def __init__(
        self,
        inputs: Inputs,
        objective: Objective,
        whiten: tuple[Tensor, Tensor],
        averaged: list[int],
    ):
        super().__init__()
        self.inputs, self.features = inputs, objective.features
        self.averaged = averaged
        self.register_buffer("mean", whiten[0])
        self.register_buffer("whitener", whiten[1])

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor, None]:
        """z, e and no log|det|."""
        seen, known = self.inputs(x, c)
        z = (self.features(seen, known) - self.mean) @ self.whitener
        e = [part.mean(1) for part in known.split(self.averaged, dim=1)] if self.averaged else []
        return z, torch.stack(e, 1) if e else known, None


def frozen(schema: Schema, inputs: Inputs, objective: Objective, features: Tensor) -> Backbone:
    """f_m with its features `(N, F)` of the train pool made uncorrelated.

    Raises:
        NoFeatures: They are the same for every observation.
    """
    objective.eval().requires_grad_(False)
    mean, w = whitening(features.double().numpy())
    objective.double()
    inputs.double()
    module = Learned(inputs, objective, (mean, w), [f.size for f in schema.covariates])
    return Backbone(module, w.shape[1], len(schema.covariates), log_det=False, invertible=False)


def whitening(features: np.ndarray) -> tuple[Tensor, Tensor]:
    """The mean `(F,)` of features `(N, F)` and a matrix `(F, Z)` that makes them uncorrelated with unit variance."""
    mean, w = linear.whitening(features, FLAT)
    if not w.shape[1]:
        raise NoFeatures(
            "f_m makes the same features of every observation",
            "train it longer or at a lower rate, or choose another objective",
        )
    return torch.from_numpy(mean), torch.from_numpy(w)


def _law(values: np.ndarray, plain: bool, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale of each of `size` elements."""
    if plain:
        return np.zeros(size), np.ones(size)
    values = np.asarray(values, dtype=np.float64)
    return np.full(size, values.mean()), np.full(size, values.std() or 1.0)
