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
from ..devices import device
from ..durable import fresh_folder
from ..encoder import Encoder, standardised, through
from ..errors import BadSetting
from ..heads import Distilled, Ensemble, Head, Ratio, Stated, build
from ..heads.laws import require_smooth
from ..heads.stated import AsStated
from ..manifest import NEEDED
from ..modality import Modality, find
from ..parameters import read_support
from ..pools import theta_of
from ..program.tracing import export
from ..progress import progress
from ..sealed import digests, require_sealed
from ..settings import Distil, Finetune
from ..training import History, Rows, Training, fit

FILES = [*NEEDED, "history.json"]
OBJECTIVES = {
    "flow": "maximum likelihood (O1)",
    "ratio": "classification of joint draws among products of marginals (O2)",
    "stated": "comparison of thetas (O3), up to c(x)",
}


def finetune(name: str) -> None:
    """Train g_m on the train pool and write the encoder, as yet without a record."""
    torch.set_num_threads(1)
    modality, asked = find(name), settings.modality(places.ROOT, name).finetune
    space = read_support(places.ROOT, name, modality.parameters)
    pool = shards.open_set(places.pool(name, "train"))
    made = require_sealed(places.encoder(name, "backbone"), f"modalities/{name}/dvc.yaml:pretrain")
    layout = json.loads((made / "layout.json").read_text())
    rows, ranges = _rows(modality, made, layout, pool)
    training = Training(asked.seed, asked.steps, asked.batch, asked.rate)
    rows, held = rows.split()
    kept = [places.encoder(name, f"finetuning.{k}.safetensors") for k in range(asked.members)]
    of = f"{pool.digest} through {digests(made)}"
    head, history = _trained(modality, asked, layout, (rows, held), training, kept, of)
    if asked.distil:
        head = _distilled(head, asked.distil, rows, held, asked.seed, name)
    facts: dict[str, Any] = {
        "name": name, "title": modality.title, "parameters": space.as_list(), "definitions": space.digest,
        "schema": modality.schema.as_dict(), "coordinates": layout["box"], **layout["backbone"],
        "head": head.as_dict(),
        "objective": _objective(asked),
        "training": {**asdict(training), "rows": len(rows), "held_out": len(held), "kept": history.kept},
        "covariate_ranges": ranges,
        "provenance": {"simulations": pool.digest, "package": version(f"addend-{name}"), "core": version("addend")},
    }  # fmt: skip
    if "pretrained" in layout:
        facts["provenance"]["f_m"] = layout["pretrained"]
    with fresh_folder(places.encoder(name, "head")) as folder:
        for file in NEEDED[:-1]:
            shutil.copyfile(made / file, folder / file)
        files = [*FILES, *_write_head(head, folder, rows)]
        (folder / "history.json").write_text(json.dumps(asdict(history)) + "\n")
        artifact.write_manifest(folder, facts, files)
        vectors.write(Encoder.load(folder), pool.read(0), folder)
        artifact.write_manifest(folder, facts, [*files, vectors.FILE])
    for checkpoint in kept:
        checkpoint.unlink(missing_ok=True)


def _distilled(
    head: Head, asked: Distil, rows: Rows, held: Rows, seed: int, name: str
) -> Distilled:
    with progress(f"distil {name}", 1, "fits") as update:
        taught, others = ((part.z, part.e, part.phi) for part in (rows, held))
        amounts = asked.nodes, asked.features, asked.steps, asked.rows
        made = Distilled.fitted(head, taught, others, *amounts, seed)
        update(1, f"reaches {float(made.reach):,.0f} observations")
    return made


def _objective(asked: Finetune) -> str:
    said = OBJECTIVES[asked.head]
    said = f"{said}, {asked.objective}" if asked.head == Ratio.kind else said
    return f"{said}; with an exponential family distilled from it" if asked.distil else said


def _write_head(head: Head, folder: Path, rows: Rows) -> list[str]:
    """The weights of g_m, and its program where it has one; the name of what lies beside the weights."""
    if not isinstance(head, Stated):
        save_file(head.state_dict(), folder / "head.safetensors")
        return []
    examples = (part[:8].double() for part in (rows.z, rows.e, rows.phi))
    export(head.network.double().requires_grad_(False), folder / "head", *examples)
    return ["head.json"]


def _trained(
    modality: Modality,
    asked: Finetune,
    layout: dict[str, Any],
    rows: tuple[Rows, Rows],
    training: Training,
    kept: list[Path],
    of: str,
) -> tuple[Head, History]:
    """The head and its history, from rows to train on and rows held out.

    Of several `members`, each with a seed and a checkpoint of its own, their ensemble and the first's history.
    """
    name, heads, histories, K = modality.name, list[Head](), [], asked.members
    where = device(asked.device, "finetune.device")
    for k, checkpoint in enumerate(kept):
        own = replace(training, seed=training.seed + k)
        torch.manual_seed(own.seed)
        heads.append(_head(modality, asked, layout, rows[0]))
        what = f"{name}, member {k + 1} of {K}" if K > 1 else name
        histories.append(_fit(what, heads[-1], rows, own, checkpoint, of, where))
    return (Ensemble(heads) if K > 1 else heads[0]), histories[0]


def _fit(
    what: str,
    head: Head,
    rows: tuple[Rows, Rows],
    training: Training,
    checkpoint: Path,
    of: str,
    where: str,
) -> History:
    require_smooth(head, where=f"the head of {what}")
    if not list(head.parameters()):
        head.eval()
        return History()
    with progress(f"finetune {what}", sum(training.steps)) as update:
        return fit(
            head,
            rows[0],
            training,
            lambda step, total, loss: update(step, f"loss {loss:.4f} nat"),
            checkpoint,
            held=rows[1],
            of=of,
            device=where,
        )


def _head(modality: Modality, asked: Finetune, layout: dict[str, Any], rows: Rows) -> Head:
    if asked.head == Stated.kind:
        return _stated(modality, asked, layout["box"])
    shape = {k: layout[k] for k in ("observables", "covariates", "location")}
    if asked.head == Ratio.kind:
        if asked.members > 1:
            said = f"finetune.head of '{modality.name}' is 'ratio', with {asked.members} members"
            raise BadSetting(said, "members are densities: train one, or choose 'flow'")
        Z, E, K = (part.shape[1] for part in (rows.z, rows.e, rows.phi))
        return Ratio(Z, E, K, asked.objective, hidden=asked.hidden)
    widths = {k: getattr(asked, k) for k in ("hidden", "shape", "components")}
    return build(asked.head, {**shape, "coordinates": rows.phi.shape[1], **widths})


def _stated(modality: Modality, asked: Finetune, box: dict[str, Any]) -> Head:
    network = modality.head()
    if network is None or asked.members > 1:
        raise BadSetting(
            f"finetune.head of '{modality.name}' is 'stated', with {asked.members} members and "
            f"{'no head' if network is None else 'a head'} of its own",
            "let the modality state one and train one member, or choose 'flow'",
        )
    return Stated(AsStated(network, box).float())


def _rows(
    modality: Modality, made: Path, layout: dict[str, Any], pool: shards.ObservationSet
) -> tuple[Rows, covariates.Ranges]:
    """The rows of the train pool that f_m has not learned from, through it, in float32, and the covariates' ranges in all.

    Read once, shard by shard.
    """
    backbone, coordinates = (program.load(made / part) for part in ("backbone", "coordinates"))
    parts, ranges = [], dict[str, list[float]]()
    for _, columns in pool:
        ranges = covariates.ranges(modality.schema, columns, ranges)
        z, e, _ = through(backbone, modality.schema, columns)
        phi = coordinates(torch.from_numpy(theta_of(columns, modality.parameters)))
        parts.append((z.float(), e.float(), standardised(phi, layout["box"]).float()))
    z, e, phi = (torch.cat(each)[layout["taught"] :] for each in zip(*parts, strict=True))
    block = sobol.BLOCK if pool.attrs["design"] == "sobol" else 1
    return Rows(z, e, phi, block), ranges
