"""`calibrate-fusion`: how far to trust a fusion, found by repeating it in simulated universes.

A fusion's `calibrate: {teach, audit, seed}` says how often. It leaves the answer with what they say, and the critical values.
"""

import json

import torch

from .. import answers, evaluated, places, settings, shards
from ..fusion.calibrated import Plan, calibrated
from ..fusion.curves import FUSED
from ..modality import installed
from ..progress import progress
from ..sealed import require_sealed, sealed_folder
from ..settings import FusionSettings


def calibrate_fusion(fusion: str) -> None:
    """Calibrate a fusion; `answer.json` and `critical.json`."""
    torch.set_num_threads(1)
    plan, terms = planned(settings.fusion(places.ROOT, fusion)), evaluated.read_terms(fusion)
    fit = require_sealed(places.fusion(fusion, "fit"), f"fuse@{fusion}")
    gathered = require_sealed(places.fusion(fusion, "observations"), f"gather@{fusion}")
    observed = {m: shards.read_set(gathered / m).columns for m in terms.used}
    answer = answers.read_answer(fit / answers.ANSWER)
    samples = answers.read_curves(fit / answers.CURVES).posterior[FUSED].values
    with progress(f"calibrate {fusion}", plan.teach + plan.audit, "repetitions") as update:
        answer, criticals = calibrated(answer, terms, installed(), observed, samples, plan, update)
    with sealed_folder(places.fusion(fusion, "calibration")) as folder:
        answers.write_answer(folder / answers.ANSWER, answer)
        learned = json.dumps(criticals and criticals.as_dict(), indent=1, allow_nan=False)
        (folder / "critical.json").write_text(learned + "\n")


def planned(asked: FusionSettings) -> Plan:
    """What the settings of a fusion ask of its calibration."""
    budget = asked.calibrate
    local, allow = asked.correction.local, asked.beyond_trust
    return Plan(budget.teach, budget.audit, budget.seed, asked.seed, local, allow)
