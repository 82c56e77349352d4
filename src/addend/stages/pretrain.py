"""`pretrain`: f_m and the coordinates of theta, frozen and exported."""

import json

import numpy as np
import torch

from .. import exported, places, settings, shards
from ..durable import fresh_folder
from ..encoder import coordinate_box
from ..modality import find
from ..parameters import read_agreement
from ..pretrain import OBJECTIVES, flow_layout


def pretrain(name: str) -> None:
    """Freeze f_m and the coordinates, and export both."""
    modality, asked = find(name), settings.modality(places.ROOT, name).pretrain
    pool = shards.read_set(places.pool(name, "train"))
    space = read_agreement(places.ROOT).subset(modality.parameters)
    backbone = modality.backbone() or OBJECTIVES[asked.objective](modality.schema, pool.columns)
    coordinates = modality.coordinates().double()
    x, c = (
        torch.from_numpy(a[:8])
        for a in (modality.schema.x(pool.columns), modality.schema.c(pool.columns))
    )
    theta = torch.from_numpy(space.draw(8, np.random.default_rng(0)))
    layout = {**flow_layout(modality.schema, backbone), "box": coordinate_box(coordinates, space)}
    with fresh_folder(places.encoder(name, "backbone")) as folder:
        (folder / "backbone.pt2").write_bytes(exported.export(backbone, x, c))
        (folder / "coordinates.pt2").write_bytes(exported.export(coordinates, theta))
        (folder / "layout.json").write_text(json.dumps(layout, indent=1) + "\n")
