"""`finetune`: g_m, trained on what f_m makes of the train pool; the encoder, as yet without a record."""

import json
import shutil
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import save_file

from .. import artifact, exported, places, shards, sobol, vectors
from ..durable import fresh_folder
from ..encoder import Encoder
from ..errors import BadSetting
from ..heads import HEADS, Ensemble, Head
from ..heads.laws import require_smooth
from ..modality import Modality, find
from ..parameters import read_agreement
from ..progress import progress
from ..training import Rows, Training, fit

FILES = ("backbone.pt2", "coordinates.pt2", "head.safetensors")


def finetune(name: str) -> None:
    """Train g_m on the train pool and write the encoder, as yet without a record."""
    torch.set_num_threads(1)
    modality, settings = find(name), places.settings(name, "finetune")
    space = read_agreement(places.ROOT).subset(modality.parameters)
    made, pool = places.encoder(name, "backbone"), shards.read_set(places.pool(name, "train"))
    layout = json.loads((made / "layout.json").read_text())
    rows = _rows(modality, made, layout, pool)
    training = _training(settings)
    head, history = _trained(name, settings, layout, rows, training)
    facts = {
        "name": name, "title": modality.title, "parameters": space.as_list(), "definitions": space.digest,
        "schema": modality.schema.as_dict(), "coordinates": layout["box"], **layout["backbone"],
        "head": {"kind": head.kind, "config": head.config()},
        "objective": "maximum likelihood (O1)", "training": asdict(training),
        "provenance": {"simulations": pool.digest, "package": version(f"addend-{name}"), "core": version("addend")},
    }  # fmt: skip
    with fresh_folder(places.encoder(name, "head")) as folder:
        for file in ("backbone.pt2", "coordinates.pt2"):
            shutil.copyfile(made / file, folder / file)
        save_file(head.state_dict(), folder / "head.safetensors")
        (folder / "history.json").write_text(json.dumps(history) + "\n")
        artifact.write_manifest(folder, facts, FILES)
        vectors.write(Encoder.load(folder), pool.columns, folder)
        artifact.write_manifest(folder, facts, [*FILES, vectors.FILE])


def _trained(
    name: str, settings: dict, layout: dict, rows: Rows, training: Training
) -> tuple[Head, list]:
    """The head and its history; of several `members`, each with a seed of its own, their ensemble and the first's history."""
    heads, histories, K = [], [], _members(settings)
    for k in range(K):
        own = replace(training, seed=training.seed + k)
        torch.manual_seed(own.seed)
        heads.append(_head(settings, layout, rows))
        histories.append(
            _fit(f"{name}, member {k + 1} of {K}" if K > 1 else name, heads[-1], rows, own)
        )
    return (Ensemble.of(heads) if K > 1 else heads[0]), histories[0]


def _fit(what: str, head: Head, rows: Rows, training: Training) -> list[tuple[int, float]]:
    require_smooth(head, where=f"the head of {what}")
    with progress(f"finetune {what}", sum(training.steps)) as update:
        return fit(
            head, rows, training, lambda step, total, loss: update(step, f"loss {loss:.4f} nat")
        )


def _members(settings: dict) -> int:
    found = settings.get("members", 1)
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise BadSetting(
            f"finetune.members is {found!r}, expected a whole number from 1 up",
            "mend it, or leave it out",
        )
    return found


def _training(settings: dict) -> Training:
    try:
        keys = {k: settings[k] for k in ("seed", "steps", "batch", "rate")}
        return Training(keys["seed"], *(tuple(keys[k]) for k in ("steps", "batch", "rate")))
    except TypeError as e:
        raise BadSetting(
            f"finetune misstates {e}", "give it seed, and lists of steps, batch and rate"
        ) from None


def _head(settings: dict, layout: dict, rows: Rows) -> Head:
    kind = settings.get("head", "flow")
    if kind != "flow":
        raise BadSetting(
            f"finetune.head is '{kind}', expected flow", "train other heads with addend.training"
        )
    shape = {k: layout[k] for k in ("observables", "covariates", "location")}
    widths = {k: settings[k] for k in ("hidden", "shape", "components") if k in settings}
    return HEADS[kind](**shape, coordinates=rows.phi.shape[1], **widths)


def _rows(modality: Modality, made: Path, layout: dict, pool: shards.ObservationSet) -> Rows:
    """The train pool through f_m, in float32."""
    backbone, coordinates = (
        exported.load(made / f"{part}.pt2") for part in ("backbone", "coordinates")
    )
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
