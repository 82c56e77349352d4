"""psi_m as one self-contained artifact: f_m as a program, a head g_m, and what one must know to believe it.

    psi(x; theta) = g_m(f_m(x, c); phi(theta))        [nats, up to a constant in theta]

A folder holds an encoder: the programs `backbone` (x, c -> z, e, log|det|) and `coordinates` (theta -> coordinates), each
as `.json` and `.safetensors`; `head.safetensors`, the weights of a head that the manifest's config rebuilds; `record.json`,
its calibration; `vectors.safetensors`, psi at a few points; `history.json`, how its training went; and `manifest.json`, which
states everything else and the sha256 of each file. It is loaded and evaluated with the core alone. Nothing in it can act, no
file is opened before its sha256 has been checked, and each part is held to what the manifest states of it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from . import artifact, program
from .errors import DISTRUST, UnfitManifest
from .heads import Head, loading
from .numerics.designs import lattice, sobol
from .parameters import ParameterSpace
from .schema import Columns, Schema

AT_ONCE = 2**18
"""Elements of observations that f_m sees at once: 64 maps of 64 by 64, whose temporaries stay in the heap.

Larger ones are mapped and cleared anew each time, which takes several times as long as the work."""


@dataclass(frozen=True)
class Encoder:
    """A trained psi_m, in float64.

    Attributes:
        manifest: The manifest: name, parameters, support, schema, head config, objective, provenance, file digests.
        digest: sha256 of the manifest, and through it of every file.
        backbone, coordinates, head: The three networks.
        record: The calibration record; empty before calibration.
    """

    manifest: dict[str, Any]
    digest: str
    backbone: nn.Module
    coordinates: nn.Module
    head: Head
    record: dict[str, Any]

    @property
    def name(self) -> str:
        """The modality's name."""
        return self.manifest["name"]

    @property
    def space(self) -> ParameterSpace:
        """The parameters psi depends on, bounded by the support it was trained on."""
        return ParameterSpace.from_list(self.manifest["parameters"])

    @property
    def schema(self) -> Schema:
        """What one observation looks like."""
        return Schema.from_dict(self.manifest["schema"])

    def embed(self, columns: Columns) -> tuple[Tensor, Tensor]:
        """f_m of N observations: z `(N, Z)` and e `(N, E)`, float64. Raises a named error for a bad column."""
        self.schema.check(columns)
        z, e, _ = through(self.backbone, self.schema, columns)
        return z, e

    def phi(self, theta: Tensor) -> Tensor:
        """Standardised coordinates `(J, K)` of theta `(J, D)`; differentiable."""
        return standardised(self.coordinates(theta), self.manifest["coordinates"])

    def psi(self, z: Tensor, e: Tensor, theta: Tensor) -> Tensor:
        """psi `(J, N)` in nats of every theta `(J, D)` with every embedded observation; differentiable in theta."""
        return self.head.outer(z, e, self.phi(theta))

    def aligned(self, z: Tensor, e: Tensor, theta: Tensor) -> Tensor:
        """psi `(*,)` in nats of embedded observations at theta `(*, D)`, broadcast over `*`; differentiable in theta."""
        phi = self.phi(theta.reshape(-1, theta.shape[-1])).reshape(*theta.shape[:-1], -1)
        return self.head(z, e, phi)

    def outer(self, columns: Columns, theta: Tensor) -> Tensor:
        """psi `(J, N)` in nats of every theta `(J, D)` with every observation."""
        return self.psi(*self.embed(columns), theta)

    def pairs(self, columns: Columns, theta: Tensor) -> Tensor:
        """psi `(N,)` in nats of each observation at its own theta `(N, D)`."""
        return self.head.pairs(*self.embed(columns), self.phi(theta))

    def log_score(self, columns: Columns, theta: Tensor) -> Tensor:
        """log density of the observables themselves `(N,)` in nats, log|det| of f_m included; for held-out comparison.

        Of an f_m that gives no log|det| it is the density of z, comparable where f_m is the same.
        """
        z, e, log_det = through(self.backbone, self.schema, columns)
        with torch.no_grad():
            psi = self.head.pairs(z, e, self.phi(theta))
            return psi if log_det is None else psi + log_det

    @classmethod
    def load(cls, folder: Path) -> "Encoder":
        """The encoder in a folder.

        Raises:
            TamperedArtifact: A file is missing or its sha256 is not the manifest's.
            UnknownFormat: It was written by another core.
            UnfitManifest, UnfitProgram, UnfitHead: A part of it is what none may be, or not what the manifest states.
        """
        folder = Path(folder)
        manifest = artifact.read_manifest(folder)
        what, sizes = f"the head of the encoder in {folder}", _sizes(manifest)
        backbone, coordinates = (
            program.load(folder / part, inputs, outputs)
            for part, (inputs, outputs) in _ports(manifest).items()
        )
        head = loading.load(manifest["head"], folder / "head.safetensors", *sizes, what)
        record = folder / artifact.RECORD
        known = artifact.read_json(record, str(record)) if record.exists() else {}
        if not isinstance(known, dict):
            raise UnfitManifest(f"{record} is no record", DISTRUST)
        return cls(manifest, artifact.digest(folder), backbone, coordinates, head, known)


def _sizes(manifest: dict[str, Any]) -> tuple[int, int, int]:
    """Z, E and K."""
    return manifest["z"], manifest["e"], len(manifest["coordinates"]["centre"])


def _ports(manifest: dict[str, Any]) -> dict[str, tuple[list[Any], list[Any]]]:
    """The shapes of the inputs and outputs that each program has, None the batch; None for an output that is not there."""
    schema, (Z, E, K) = Schema.from_dict(manifest["schema"]), _sizes(manifest)
    columns = [(None, schema.x_size), (None, schema.c_size)]
    made = [(None, Z), (None, E), (None,) if manifest["log_det"] else None]
    theta = (None, len(manifest["parameters"]))
    return {"backbone": (columns, made), "coordinates": ([theta], [(None, K)])}


def coordinate_box(coordinates: nn.Module, space: ParameterSpace, n: int = 4096) -> dict[str, Any]:
    """Centre and half-width of each coordinate over the support, from a Sobol design with the corners."""
    corners = lattice(*[torch.tensor([0.0, 1.0]).double()] * len(space))
    theta = torch.as_tensor(space.from_unit(torch.cat([sobol(len(space), n), corners]).numpy()))
    with torch.no_grad():
        values = coordinates(theta)
    low, high = values.min(0).values, values.max(0).values
    return {"centre": ((high + low) / 2).tolist(), "half": ((high - low) / 2).tolist()}


def standardised(coordinates: Tensor, box: dict[str, Any]) -> Tensor:
    """Coordinates `(..., K)` in half-widths of the support around its centre: phi."""
    centre, half = (coordinates.new_tensor(box[k]) for k in ("centre", "half"))
    return (coordinates - centre) / half


def through(
    backbone: nn.Module, schema: Schema, columns: Columns
) -> tuple[Tensor, Tensor, Tensor | None]:
    """What f_m makes of N observations: z `(N, Z)`, e `(N, E)`, log|det| `(N,)` or None; in parts, so that memory is bounded."""
    x, c = (
        torch.from_numpy(np.ascontiguousarray(a)) for a in (schema.x(columns), schema.c(columns))
    )
    rows = max(1, AT_ONCE // max(1, x.shape[1]))
    with torch.no_grad():
        made = [backbone(*part) for part in zip(x.split(rows), c.split(rows), strict=True)]
    z, e, log_det = zip(*made, strict=True)
    return torch.cat(z), torch.cat(e), None if log_det[0] is None else torch.cat(log_det)
