"""A small DVC project with the shape of this one: two modalities that meet at their pins, and a report."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

MODALITY = """
stages:
  simulate:
    wdir: ../..
    cmd: python step.py {m}-simulate data/simulations/{m}
    outs: [data/simulations/{m}]
  finetune:
    wdir: ../..
    cmd: python step.py {m}-finetune data/encoders/{m} {meet}
    deps: [data/simulations/{m}, modalities/{m}/seed]
    outs: [data/encoders/{m}]
    meta: {{accelerator: true}}
  register:
    wdir: ../..
    cmd: python step.py {m}-register data/pins/{m}.json
    deps: [data/encoders/{m}]
    outs:
      - data/pins/{m}.json: {{cache: false}}
"""

FUSIONS = """
stages:
  resolve:
    foreach: [real, closure]
    do:
      cmd: python step.py resolve-${item} data/fusions/${item}.json
      always_changed: true
      deps: [data/pins]
      outs:
        - data/fusions/${item}.json: {cache: false}
  report:
    foreach: [real, closure]
    do:
      cmd: python step.py report-${item} data/reports/${item}/answer.txt
      deps:
        - data/fusions/${item}.json
      outs:
        - data/reports/${item}
"""

SETTINGS = """
fusions:
  real: {modalities: {a: {set: seen}, b: {set: seen}}}
  closure: {modalities: {a: {set: seen}}, truth: {H0: 70.0}, seed: 1}
"""

PARAMETERS = """
H0: {unit: km/s/Mpc, definition: the expansion rate today, low: 50.0, high: 90.0}
"""

# Says that it runs, waits for whom it is to meet, and writes its output.
STEP = """
import sys, time
from pathlib import Path
name, out, *meet = sys.argv[1:]
if Path("fail", name).exists():
    sys.exit(f"{name} was told to fail")
Path("ran").mkdir(exist_ok=True)
with open("order.txt", "a") as log:
    log.write(name + "\\n")
Path("ran", name).touch()
deadline = time.monotonic() + 60
while not all(Path("ran", other).exists() for other in meet):
    if time.monotonic() > deadline:
        sys.exit(f"{name} never met {meet}")
    time.sleep(0.02)
Path(out).parent.mkdir(parents=True, exist_ok=True)
Path(out).write_text(f"H0  70  [69, 71]\\n{Path(out).parent}/index.html\\n" if out.endswith("answer.txt") else name)
"""


def create(folder: Path, meet: bool = False) -> Path:
    """The project in `folder`; with `meet`, each modality's training waits until the other's has begun."""
    for m, other in (("a", "b"), ("b", "a")):
        (folder / "modalities" / m).mkdir(parents=True)
        (folder / "modalities" / m / "seed").write_text("1")
        stated = MODALITY.format(m=m, meet=f"{other}-finetune" if meet else "")
        (folder / "modalities" / m / "dvc.yaml").write_text(stated)
    (folder / "dvc.yaml").write_text(FUSIONS)
    (folder / "params.yaml").write_text(SETTINGS)
    (folder / "parameters.yaml").write_text(PARAMETERS)
    (folder / "step.py").write_text(STEP)
    (folder / ".gitignore").write_text("/data/\n")
    run(folder, "git", "init", "-q")
    run(folder, sys.executable, "-m", "dvc", "init", "-q")
    return folder


def environment(**more: str) -> dict[str, str]:
    """This interpreter first on the path, this project's flows importable, nobody told."""
    here = str(Path(sys.executable).parent)
    ours = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    path = {"PATH": here + os.pathsep + os.environ["PATH"], "PYTHONPATH": ours}
    quiet = {
        "DVC_NO_ANALYTICS": "1",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    return os.environ | path | quiet | more


def run(
    folder: Path, *command: str, check: bool = True, **more: str
) -> subprocess.CompletedProcess:
    """A command in `folder`, with `more` in its environment."""
    given = environment(PWD=str(folder), **more)
    done = subprocess.run(
        command, cwd=folder, env=given, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if check and done.returncode:
        raise AssertionError(
            f"{' '.join(command)} left with {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
    return done


def order(folder: Path) -> list[str]:
    """Names of the steps that ran, in the order in which they began."""
    log = folder / "order.txt"
    return log.read_text().split() if log.exists() else []


def locks(folder: Path) -> dict[str, bytes]:
    """Every dvc.lock, by its path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("dvc.lock"))}
