"""`finetune`: g_m, trained on what f_m makes of the train pool; the encoder, as yet without a record."""

import json
import shutil
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from .. import artifact, covariates, places, program, settings, shards, sobol, vectors
from ..durable import fresh_folder
from ..encoder import Encoder
from ..heads import Ensemble, Head, build
from ..heads.laws import require_smooth
from ..manifest import NEEDED
from ..modality import Modality, find
from ..parameters import read_agreement
from ..progress import progress
from ..sealed import require_sealed
from ..settings import Finetune
from ..training import History, Rows, Training, fit

FILES = [*NEEDED, "history.json"]


def finetune(name: str) -> None:
    """Train g_m on the train pool and write the encoder, as yet without a record."""
    torch.set_num_threads(1)
    modality, asked = find(name), settings.modality(places.ROOT, name).finetune
    space = read_agreement(places.ROOT).subset(modality.parameters)
    pool = shards.read_set(places.pool(name, "train"))
    made = require_sealed(places.encoder(name, "backbone"), f"modalities/{name}/dvc.yaml:pretrain")
    layout = json.loads((made / "layout.json").read_text())
    rows = _rows(modality, made, layout, pool)
    training = Training(asked.seed, asked.steps, asked.batch, asked.rate)
    rows, held = rows.split()
    head, history = _trained(name, asked, layout, (rows, held), training)
    facts = {
        "name": name, "title": modality.title, "parameters": space.as_list(), "definitions": space.digest,
        "schema": modality.schema.as_dict(), "coordinates": layout["box"], **layout["backbone"],
        "head": head.as_dict(),
        "objective": "maximum likelihood (O1)",
        "training": {**asdict(training), "rows": len(rows), "held_out": len(held), "kept": history.kept},
        "covariate_ranges": covariates.ranges(modality.schema, pool.columns),
        "provenance": {"simulations": pool.digest, "package": version(f"addend-{name}"), "core": version("addend")},
    }  # fmt: skip
    with fresh_folder(places.encoder(name, "head")) as folder:
        for file in NEEDED[:-1]:
            shutil.copyfile(made / file, folder / file)
        save_file(head.state_dict(), folder / "head.safetensors")
        (folder / "history.json").write_text(json.dumps(asdict(history)) + "\n")
        artifact.write_manifest(folder, facts, FILES)
        vectors.write(Encoder.load(folder), pool.columns, folder)
        artifact.write_manifest(folder, facts, [*FILES, vectors.FILE])


def _trained(
    name: str,
    asked: Finetune,
    layout: dict[str, Any],
    rows: tuple[Rows, Rows],
    training: Training,
) -> tuple[Head, History]:
    """The head and its history, from rows to train on and rows held out.

    Of several `members`, each with a seed of its own, their ensemble and the first's history.
    """
    heads, histories, K = [], [], asked.members
    for k in range(K):
        own = replace(training, seed=training.seed + k)
        torch.manual_seed(own.seed)
        heads.append(_head(asked, layout, rows[0]))
        histories.append(
            _fit(f"{name}, member {k + 1} of {K}" if K > 1 else name, heads[-1], rows, own)
        )
    return (Ensemble(heads) if K > 1 else heads[0]), histories[0]


def _fit(what: str, head: Head, rows: tuple[Rows, Rows], training: Training) -> History:
    require_smooth(head, where=f"the head of {what}")
    with progress(f"finetune {what}", sum(training.steps)) as update:
        return fit(
            head,
            rows[0],
            training,
            lambda step, total, loss: update(step, f"loss {loss:.4f} nat"),
            held=rows[1],
        )


def _head(asked: Finetune, layout: dict[str, Any], rows: Rows) -> Head:
    shape = {k: layout[k] for k in ("observables", "covariates", "location")}
    widths = {k: getattr(asked, k) for k in ("hidden", "shape", "components")}
    return build(asked.head, {**shape, "coordinates": rows.phi.shape[1], **widths})


def _rows(
    modality: Modality, made: Path, layout: dict[str, Any], pool: shards.ObservationSet
) -> Rows:
    """The train pool through f_m, in float32."""
    backbone, coordinates = (program.load(made / part) for part in ("backbone", "coordinates"))
    columns = pool.columns
    with torch.no_grad():
        z, e, _ = backbone(
            torch.from_numpy(modality.schema.x(columns)),
            torch.from_numpy(modality.schema.c(columns)),
        )
        phi = coordinates(torch.from_numpy(shards.theta_of(columns, modality.parameters)))
    centre, half = (torch.tensor(layout["box"][k], dtype=torch.float64) for k in ("centre", "half"))
    return Rows(
        z.float(),
        e.float(),
        ((phi - centre) / half).float(),
        block=sobol.BLOCK if pool.attrs["design"] == "sobol" else 1,
    )
