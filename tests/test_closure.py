"""DVC sees what numbers come from: every module that a stage's verb needs is among its `deps`, or is plumbing with a reason."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from imports import CORE, closure, modules, room

ROOT = Path(__file__).resolve().parent.parent
PLUMBING = {
    "answers": "JSON and arrays, out and in again as they are",
    "artifact": "digests of files; what differs is refused",
    "checkpoint": "tensors, out and in again as they are; a test holds the bits",
    "champions": "asks the registry; the pin says what it answered",
    "drawings": "shapes of what is drawn",
    "durable": "temporary name, sync, rename",
    "errors": "sentences",
    "evaluated": "reads what evaluate wrote, and hands it to fusion.terms",
    "history": "asks git; its answer is a dependency of the report",
    "listed": "the list of a set's shards; what is not what it says is refused",
    "manifest": "what an encoder's manifest may say; what is else is refused",
    "known": "names what there is, for sentences",
    "names": "refuses what cannot name a folder",
    "packages": "lists what is installed; a modality's own code is a dependency",
    "places": "paths",
    "pools": "the names of theta's columns",
    "progress": "lines on the screen",
    "registry": "files, out and in again by their digest",
    "sealed": "digests of files; what differs is refused",
    "settings": "reads the values that stand under a stage's params; a value that is read is the value that is written",
    "shard": "one Zarr group, out and in again by the digest of its content",
    "shards": "columns, out and in again by the digest of their content",
    "strict": "JSON, refused where it is none",
    "versions": "what the registry answers, as values",
}
"""What cannot change a number, by its room in the core, and why."""
MODALITY = ("observe", "simulate", "pretrain", "finetune", "calibrate", "register")
FUSION = {
    "gather": "gather",
    "resolve": "resolve",
    "evaluate": "evaluate",
    "fuse": "fuse",
    "calibrate": "calibrate_fusion",
    "report": "report",
}


def stated(file: Path, stage: str) -> set[Path]:
    """The code of the core among a stage's deps."""
    found = yaml.safe_load(file.read_text())["stages"][stage]
    deps = found.get("do", found)["deps"]
    return {ROOT / d for d in deps if isinstance(d, str) and d.startswith("src/addend")}


def untold(verb: str, deps: set[Path]) -> list[str]:
    """The modules that a verb needs and that no dependency and no reason covers."""
    needed = {m: modules()[m] for m in closure(f"stages.{verb}") if room(m) not in PLUMBING}
    covered = {m for m, path in needed.items() if {path, *path.parents} & deps}
    return sorted(str(needed[m].relative_to(ROOT)) for m in set(needed) - covered)


@pytest.mark.parametrize("modality", sorted(p.name for p in ROOT.glob("modalities/*/")))
@pytest.mark.parametrize("stage", MODALITY)
def test_a_modality_s_stage_depends_on_the_code_its_numbers_come_from(modality, stage):
    file = ROOT / "modalities" / modality / "dvc.yaml"
    missing = untold(stage, stated(file, stage))
    assert not missing, f"add to the deps of {stage} in modalities/{modality}/dvc.yaml: {missing}"


@pytest.mark.parametrize("stage", FUSION)
def test_a_fusion_s_stage_depends_on_the_code_its_numbers_come_from(stage):
    missing = untold(FUSION[stage], stated(ROOT / "dvc.yaml", stage))
    assert not missing, f"add to the deps of {stage} in dvc.yaml: {missing}"


def test_no_dependency_is_named_in_vain():
    """A file that no verb needs would make stages stale for nothing."""
    for stage, verb in FUSION.items():
        needed = {modules()[m] for m in closure(f"stages.{verb}")}
        for path in stated(ROOT / "dvc.yaml", stage):
            used = path in needed or any(path in module.parents for module in needed)
            assert used, f"{stage} does not need {path.relative_to(ROOT)}"


def test_plumbing_is_there_and_short():
    assert all((CORE / name).exists() or (CORE / f"{name}.py").exists() for name in PLUMBING)
    assert len(PLUMBING) < 25


CONSTANTS = {
    "the critical values": ("src/addend/calibration/neyman.py", "SMALLEST = 1e-12", {"calibrate"}),
    "the sampler": ("src/addend/posterior/sampler.py", "BLOCK = ", {"fuse"}),
    "the verdict": ("src/addend/fusion/checks.py", "p >= 0.05", {"report"}),
    "the training loop": ("src/addend/training.py", "MEMORY = ((0.95", {"finetune"}),
}


@pytest.mark.demo
@pytest.mark.parametrize("what", CONSTANTS)
def test_an_edited_constant_makes_the_right_stages_stale_and_no_other(what, demo, tmp_path):
    """On a copy of the locks, the code and the settings: what `dvc status` says of code, before and after the edit."""
    file, constant, stages = CONSTANTS[what]
    root = copied(demo, tmp_path / "project")
    before = stale(root)
    path = root / file
    text = path.read_text()
    assert constant in text
    path.write_text(text.replace(constant, constant.replace("=", "=  ", 1), 1) + "# edited\n")
    fresh = {stage.split("@")[0].split(":")[-1] for stage in stale(root) - before}
    assert fresh == stages


def copied(demo: Path, root: Path) -> Path:
    """As much of the project as its graph is made of: tracked files, and links to the data."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=demo, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (demo / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(demo / name, root / name)
    for folder in (demo / "data").iterdir():
        if folder.is_dir():
            (root / "data" / folder.name).symlink_to(folder)
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q", "-f"]):
        subprocess.run(command, cwd=root, check=True, capture_output=True)
    return root


def stale(root: Path) -> set[str]:
    """The stages of which a dependency on code has changed."""
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    said = subprocess.run(command, cwd=root, capture_output=True, check=True, text=True).stdout
    found = yaml.safe_load(said)
    return {
        stage
        for stage, changes in found.items()
        if any(
            "src/addend" in str(change.get("changed deps", {}))
            for change in changes
            if isinstance(change, dict)
        )
    }
