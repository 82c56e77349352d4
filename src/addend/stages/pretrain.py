"""`pretrain`: f_m and the coordinates of theta, held to their laws, frozen and exported."""

import json

import numpy as np
import torch

from .. import places, settings, shards
from ..encoder import coordinate_box
from ..heads.laws import require_smooth
from ..modality import Columns, Modality, find
from ..parameters import read_agreement
from ..pretrain import OBJECTIVES, Backbone
from ..program.tracing import export
from ..sealed import sealed_folder


def pretrain(name: str) -> None:
    """Make f_m, hold it and the coordinates to their laws, export both, and store what f_m states."""
    modality = find(name)
    pool = shards.read_set(places.pool(name, "train"))
    space = read_agreement(places.ROOT).subset(modality.parameters)
    backbone, coordinates = made(modality, pool.columns), modality.coordinates().double()
    x, c = (
        torch.from_numpy(a)
        for a in (modality.schema.x(pool.columns), modality.schema.c(pool.columns))
    )
    backbone.require_fit(x, c)
    require_smooth(coordinates, where=f"the coordinates of '{name}'")
    theta = torch.from_numpy(space.draw(8, np.random.default_rng(0)))
    layout = {
        **backbone.read_as(),
        "backbone": backbone.facts(),
        "box": coordinate_box(coordinates, space),
    }
    frozen = backbone.module.requires_grad_(False)
    with sealed_folder(places.encoder(name, "backbone")) as folder:
        export(frozen, folder / "backbone", x[:8], c[:8])
        export(coordinates, folder / "coordinates", theta)
        (folder / "layout.json").write_text(json.dumps(layout, indent=1) + "\n")


def made(modality: Modality, columns: Columns) -> Backbone:
    """The modality's own backbone, or what `pretrain.objective` makes of simulated columns."""
    asked = settings.modality(places.ROOT, modality.name).pretrain
    return modality.backbone() or OBJECTIVES[asked.objective](modality.schema, columns)
