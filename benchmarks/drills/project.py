"""The small project of the drills: the toy, an encoder of a hundred steps, one fusion of it, fused."""

import contextlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from addend import places
from addend.errors import AddendError
from addend.registry import Registry
from addend.stages import (
    calibrate,
    evaluate,
    finetune,
    fuse,
    gather,
    observe,
    pretrain,
    register,
    resolve,
    simulate,
)

from .small import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
FUSION = "alone"


@dataclass
class Count:
    """What came of the trials of one drill."""

    drill: str
    tried: int = 0
    survived: int = 0
    lost: int = 0
    doubled: int = 0
    orphans: int = 0
    left: int = 0
    unnamed: int = 0

    @property
    def clean(self) -> bool:
        """Whether every trial survived and nothing else happened."""
        bad = [getattr(self, f.name) for f in fields(self)[3:]]
        return self.survived == self.tried > 0 and not any(bad)


def build(root: Path) -> None:
    """Make it in an empty folder, registered by force where its short training fails the gate, and fuse."""
    home = root / "modalities" / "toy"
    home.mkdir(parents=True)
    shutil.copy(ROOT / "parameters.yaml", root)
    shutil.copy(ROOT / "modalities" / "toy" / "parameters.yaml", home)
    (home / "params.yaml").write_text(yaml.safe_dump(SETTINGS))
    asked = {"modalities": {"toy": {"set": "line"}}, "beyond_trust": "allow"}  # so short a training
    fusions = {"fusions": {FUSION: asked}}
    (root / "params.yaml").write_text(yaml.safe_dump(fusions))
    with contextlib.chdir(root):
        for stage in (observe.observe, simulate.simulate, pretrain.pretrain, finetune.finetune):
            stage("toy")
        calibrate.calibrate("toy")
        registered("toy")
        for verb in (gather.gather, resolve.resolve, evaluate.evaluate, fuse.fuse):
            verb(FUSION)


def registered(name: str) -> None:
    """`register`, and the promotion that the gate may refuse to so short a training."""
    register.register(name)
    registry = Registry(root=places.ROOT)
    if registry.champion(name) is None:
        registry.promote(registry.versions(name)[0], "for the drills")


def forked(call: Callable[[], object]) -> int:
    """The number of a child that runs `call`; it leaves with 0, with 2 for a named error, or with 1."""
    if child := os.fork():
        return child
    status = 1
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        try:
            call()
            status = 0
        except AddendError:
            status = 2
        except BaseException:
            status = 1
        finally:
            os._exit(status)


def ended(child: int) -> int:
    """Its exit status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def leftovers(root: Path) -> int:
    """Temporaries of writers and of stages."""
    return sum(1 for p in root.rglob(".*") if p.name.startswith((".tmp-", ".running-")))


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, or the one that it is, by its path."""
    files = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    return {str(p.relative_to(folder.parent)): p.read_bytes() for p in files if p.is_file()}
