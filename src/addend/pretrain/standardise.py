"""f_m for a table of numbers: fixed, invertible standardisation of every column.

    z_d = (t_d(x_d) - centre_d) / scale_d,        log |det dz/dx| = sum_d [ log t_d'(x_d) - log scale_d ]

The statistics are those of the training simulations, over all theta, and are then frozen: a scale that followed theta
would change the constant of psi (methods D15.21), and one that followed the observation would couple rows. Since the
map is invertible, no information is lost and a likelihood of z is a likelihood of x.

An observable with a quoted error keeps its own units, up to one number: the head measures its residual in that error.
Without one, a positive observable enters as its logarithm, and a heavy-tailed one through asinh. Positive covariates
enter as logarithms. Counts and categories stay as they are.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..modality import Columns, Field, Schema
from .backbone import Backbone

LINEAR, LOG, ASINH = 0, 1, 2
HEAVY_TAIL = 12.0


class Standardise(nn.Module):
    """x `(N, X)`, c `(N, C)` -> z `(N, X)`, e `(N, C)`, log |det dz/dx| `(N,)` in nats; all float64.

    Arguments:
        schema: The columns, observables then covariates.
        columns: Simulated observations whose statistics are frozen here.
    """

    x_centre: Tensor
    x_scale: Tensor
    c_centre: Tensor
    c_scale: Tensor

    def __init__(self, schema: Schema, columns: Columns):
        super().__init__()
        x = [_observable_law(f, columns) for f in schema.observables]
        c = [_covariate_law(f, schema, columns) for f in schema.covariates]
        self.x_kinds, self.c_kinds = ([kind for kind, _, _ in laws] for laws in (x, c))
        centre, scale = (
            torch.tensor([law[i] for law in x + c], dtype=torch.float64) for i in (1, 2)
        )
        self.register_buffer("x_centre", centre[: len(self.x_kinds)])
        self.register_buffer("x_scale", scale[: len(self.x_kinds)])
        self.register_buffer("c_centre", centre[len(self.x_kinds) :])
        self.register_buffer("c_scale", scale[len(self.x_kinds) :])

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The standardised observables, covariates and log|det|."""
        z = [
            _transform(x[:, d], k, self.x_centre[d], self.x_scale[d])
            for d, k in enumerate(self.x_kinds)
        ]
        e = [
            _transform(c[:, d], k, self.c_centre[d], self.c_scale[d])
            for d, k in enumerate(self.c_kinds)
        ]
        log_det: Any = sum(
            _log_slope(x[:, d], k, self.x_centre[d], self.x_scale[d])
            for d, k in enumerate(self.x_kinds)
        )
        return torch.stack(z, 1), torch.stack(e, 1) if e else c * 1.0, log_det


def standardise(schema: Schema, columns: Columns) -> Backbone:
    """The objective of that name: `schema` standardised by the statistics of simulated `columns`."""
    module = Standardise(schema, columns)
    return Backbone(
        module,
        z=len(schema.observables),
        e=len(schema.covariates),
        log_det=True,
        invertible=True,
        layout=flow_layout(schema, module),
    )


def flow_layout(schema: Schema, backbone: Standardise) -> dict[str, Any]:
    """How a `Flow` reads what this backbone makes: links, quoted errors and presence flags as columns of e."""
    names = [f.name for f in schema.covariates]
    units = backbone.x_scale.tolist()
    observables = []
    for field, unit in zip(schema.observables, units, strict=True):
        error = None
        if field.error is not None:
            k = names.index(field.error)
            error = [
                k,
                backbone.c_scale[k].item(),
                backbone.c_centre[k].item() - float(np.log(unit)),
            ]
        whole: dict[str, dict[str, Any]] = {
            "count": {"counts": True},
            "category": {"classes": field.categories},
        }
        observables.append({
            **whole.get(field.kind, {}),
            "link": "exp" if (field.positive and field.error) or field.kind == "count" else "identity",
            "error": error,
            "present": names.index(field.present) if field.present else None,
        })  # fmt: skip
    location = [k for k, f in enumerate(schema.covariates) if not f.noise]
    return {"observables": observables, "covariates": len(names), "location": location}


def _observable_law(field: Field, columns: Columns) -> tuple[int, float, float]:
    """(kind, centre, scale) of one observable."""
    x = _measured(field, columns)
    if field.kind != "real":
        return LINEAR, 0.0, 1.0
    if field.error is not None:
        return LINEAR, 0.0, float(np.median(np.abs(x)))
    if field.positive:
        return LOG, float(np.log(x).mean()), float(np.log(x).std())
    quartiles = np.percentile(x, [25, 50, 75])
    width = float(quartiles[2] - quartiles[0]) / 1.349
    if (
        np.abs(x - quartiles[1]).max() > HEAVY_TAIL * width
        and np.abs(x - quartiles[1]).std() > 2 * width
    ):
        return ASINH, float(quartiles[1]), width
    return LINEAR, float(x.mean()), float(x.std())


def _covariate_law(field: Field, schema: Schema, columns: Columns) -> tuple[int, float, float]:
    if field.name in {o.present for o in schema.observables}:
        return LINEAR, 0.0, 1.0
    c = np.log(columns[field.name]) if field.positive else np.asarray(columns[field.name])
    return (LOG if field.positive else LINEAR), float(c.mean()), float(c.std()) or 1.0


def _measured(field: Field, columns: Columns) -> np.ndarray:
    x = np.asarray(columns[field.name], dtype=np.float64)
    return x[np.asarray(columns[field.present]) > 0.5] if field.present else x


def _transform(x: Tensor, kind: int, centre: Tensor, scale: Tensor) -> Tensor:
    if kind == LOG:
        return (torch.log(x) - centre) / scale
    return torch.asinh((x - centre) / scale) if kind == ASINH else (x - centre) / scale


def _log_slope(x: Tensor, kind: int, centre: Tensor, scale: Tensor) -> Tensor:
    if kind == LOG:
        return -torch.log(x) - torch.log(scale)
    slope = -torch.log(scale) + 0.0 * x
    return slope - 0.5 * torch.log1p(((x - centre) / scale) ** 2) if kind == ASINH else slope
