"""How much of the Fisher information each f_m keeps, where log p is known: `python -m benchmarks information`.

Convergence maps of the `shear` package under its Gaussian law, of 64 by 64 pixels with shape noise and nothing hidden: the exact
score is that of sum_k [ |x_k|^2 / P_k + log P_k ]. Each objective of the catalogue makes f_m of the same 32,768 maps, the
package's settings train g_m, and the true score is regressed on psi's over all cells (`calibration.information`). The stages are
those of any modality, in a folder that is thrown away.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml
from addend_shear import Gaussian

from addend import places
from addend.calibration import Record
from addend.pretrain import LEARNED
from addend.stages import calibrate, finetune, pretrain, simulate

from .record import cpu, elsewhere, table, write

ROOT = Path(__file__).resolve().parents[1]
LEARN = {"z": 3, "steps": 6000, "batch": 512, "rate": 0.002}
SLOW = 1500
"""Steps of an objective that sees whole maps in every batch, of which a step costs ten times as much."""
CATALOGUE = (
    "none", "supervised_ratio", "supervised_likelihood", "supervised_mean", "dvib", "autoencoder", "beta_vae", "masked",
    "vicreg", "infonce",
)  # fmt: skip


def run(quick: bool) -> None:
    """Measure, print and keep."""
    rows: list[dict[str, Any]] = []
    with elsewhere(shear=Gaussian()):
        for objective in CATALOGUE:
            rows.append(_measured(objective, quick))
            print(table(rows[-1:]), flush=True)
            write("information", quick, rows)
    print(table(rows))


def _measured(objective: str, quick: bool) -> dict[str, Any]:
    settings = yaml.safe_load((ROOT / "modalities" / "shear" / "params.yaml").read_text())
    settings["pretrain"] = {"objective": objective} | (LEARN if objective != "none" else {})
    if objective != "none" and not LEARNED[objective].labelled:
        settings["pretrain"] |= {"steps": SLOW}
    if quick:
        settings["simulate"] |= {"train": 4096}
        settings["finetune"] |= {"steps": [500, 200, 200]}
        settings["pretrain"] |= {"steps": 300} if objective != "none" else {}
    folder = Path("modalities/shear")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    shutil.copy(ROOT / "parameters.yaml", ".")
    if not Path("data/simulations").exists():
        simulate.simulate("shear")
    with cpu() as clock:
        pretrain.pretrain("shear")
        finetune.finetune("shear")
    calibrate.calibrate("shear")
    said = json.loads((places.encoder("shear", "record") / "record.json").read_text())
    summary = Record.from_dict(said).summary()
    size = summary["score"]["trust_size"]
    layout = json.loads((places.encoder("shear", "backbone") / "layout.json").read_text())
    return {
        "what": "shear, Gaussian law", "f_m": objective, "features": layout["backbone"]["z"],
        "information kept": summary["information_kept"], "N*": size["value"], "at least": size["low"],
        "cpu s": clock.seconds,
    }  # fmt: skip
