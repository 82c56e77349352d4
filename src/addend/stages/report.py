"""`report`: everything that was found, as summary.json for machines and one page for people; both go to MLflow."""

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from .. import answers, places, settings, shards
from ..fusion.answer import Answer
from ..registry import Registry
from ..report.fusion_page import write_fusion
from ..report.panels import drawings
from ..report.terminal import said
from ..sealed import read_json, require_sealed, sealed_folder

PACKAGES = (
    "addend",
    "torch",
    "zuko",
    "numpy",
    "scipy",
    "emcee",
    "getdist",
    "zarr",
    "mlflow",
    "dvc",
)
LOGGED = ("theta_hat", "posterior_mean", "posterior_std")


def report(fusion: str) -> None:
    """Write the report of a fusion, log it and print its answer."""
    settings.fusion(places.ROOT, fusion)
    folder = require_sealed(places.fusion(fusion, "calibration"), f"calibrate@{fusion}")
    fit = require_sealed(places.fusion(fusion, "fit"), f"fuse@{fusion}")
    gathered = require_sealed(places.fusion(fusion, "observations"), f"gather@{fusion}")
    answer = answers.read_answer(folder / answers.ANSWER)
    curves = answers.read_curves(fit / answers.CURVES)
    sets = {m: shards.read_set(gathered / m) for m in answer.used}
    answer = replace(answer, provenance=provenance(fusion, answer, sets))
    text = said(answer, places.report(fusion) / "index.html")
    with sealed_folder(places.report(fusion)) as written:
        columns = {m: found.columns for m, found in sets.items()}
        write_fusion(written, answer, curves, drawings(answer, curves, columns))
        answers.write_answer(written / places.SUMMARY, answer)
        (written / places.SAID).write_text(text, encoding="utf8")
    _log(fusion, answer)
    print(text)


def provenance(
    fusion: str, answer: Answer, sets: Mapping[str, shards.ObservationSet]
) -> dict[str, Any]:
    """Where an answer comes from: what its fit knew, and the code, packages and data."""
    asked = settings.fusion(places.ROOT, fusion)
    return {
        **answer.provenance,
        **read_json(places.fusion(fusion, "code.json"), f"resolve@{fusion}"),
        "packages": {p: version(p) for p in PACKAGES},
        "params": asked.as_dict(),
        "data": {m: origin(found.attrs) for m, found in sets.items()},
        "command": f"dvc repro report@{fusion}",
    }


def origin(attrs: Mapping[str, Any]) -> str:
    """Where a set comes from and when, in words."""
    if attrs["mock"]:
        return f"{attrs['set']}, seed {attrs['seed']}"
    return ", ".join(str(attrs[k]) for k in ("source", "date") if attrs.get(k))


def _log(fusion: str, answer: Answer) -> None:
    figures = {f"{p}.{k}": getattr(a, k) for p, a in answer.parameters.items() for k in LOGGED}
    params = {**answer.provenance["params"], "commit": answer.provenance["commit"] or "none"}
    Registry(root=places.ROOT).log_fusion(fusion, params, figures, places.report(fusion))
