"""`pretrain`: f_m and the coordinates of theta, held to their laws, frozen and exported.

Of plain numbers f_m is a standardiser. Of anything richer it is learned, with the objective that the modality's params.yaml
names, on batches that are read shard by shard; a training that was killed goes on from its last checkpoint.
"""

import json
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from .. import places, settings, shards
from ..encoder import coordinate_box, standardised
from ..heads.laws import require_smooth
from ..modality import find
from ..parameters import read_support
from ..pretrain.making import Coordinates, make
from ..program.tracing import export
from ..sealed import sealed_folder


def pretrain(name: str) -> None:
    """Make f_m, hold it and the coordinates to their laws, export both, and store what f_m states."""
    torch.set_num_threads(1)
    modality, asked = find(name), settings.modality(places.ROOT, name).pretrain
    pool = shards.open_set(places.pool(name, "train"))
    space = read_support(places.ROOT, name, modality.parameters)
    coordinates = modality.coordinates().double()
    require_smooth(coordinates, where=f"the coordinates of '{name}'")
    box, first = coordinate_box(coordinates, space), pool.read(0)

    def phi(theta: Tensor) -> Tensor:
        with torch.no_grad():
            return standardised(coordinates(theta), box)

    checkpoint = places.encoder(name, "pretraining.safetensors")
    known = Coordinates(len(box["centre"]), phi)
    found = make(modality, asked, pool, first, known, checkpoint)
    backbone = found.backbone
    x, c = (torch.from_numpy(a[:64]) for a in (modality.schema.x(first), modality.schema.c(first)))
    backbone.require_fit(x, c)
    layout = {
        **backbone.read_as(),
        "backbone": backbone.facts(),
        "box": box,
        "taught": found.taught,
    }
    if asked.objective != "standardise":
        layout["pretrained"] = {"objective": asked.objective, "unlabelled": dict(found.unlabelled)}
    module = backbone.module.requires_grad_(False)
    with sealed_folder(places.encoder(name, "backbone")) as folder:
        export(module, folder / "backbone", x[:8], c[:8])
        theta = torch.from_numpy(space.draw(8, np.random.default_rng(0)))
        export(coordinates, folder / "coordinates", theta)
        (folder / "layout.json").write_text(json.dumps(layout, indent=1) + "\n")
        (folder / "history.json").write_text(json.dumps(asdict(found.history)) + "\n")
    checkpoint.unlink(missing_ok=True)
