"""The thresholds between rooms: the import star, each package alone with the core, no Python under mlflow/."""

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from source import imported

from addend.modality import find
from flows.graph import plan

ROOT = Path(__file__).resolve().parent.parent
MODALITIES = sorted(p.parent for p in ROOT.glob("modalities/*/pyproject.toml"))
NAMES = {m.name for m in MODALITIES}
OURS = {"addend", "flows", "modalities", "benchmarks"} | {f"addend_{name}" for name in NAMES}

each_modality = pytest.mark.parametrize("modality", MODALITIES, ids=lambda m: m.name)


def only_importers(folder: Path, package: str) -> set[str]:
    """The files under a folder that import a package."""
    return {str(file.relative_to(folder)) for file, name in imported(folder) if name == package}


def test_the_core_imports_neither_modalities_nor_flows():
    assert {name for _, name in imported(ROOT / "src" / "addend")} & OURS <= {"addend"}


@each_modality
def test_a_modality_imports_the_core_and_itself(modality):
    assert {name for _, name in imported(modality)} & OURS <= {"addend", f"addend_{modality.name}"}


def test_flows_do_no_mathematics_and_open_no_shard():
    mathematics = {"numpy", "scipy", "torch", "zuko", "xarray", "zarr"}
    assert not {name for _, name in imported(ROOT / "flows")} & (
        mathematics | {f"addend_{name}" for name in NAMES}
    )


@pytest.mark.parametrize(
    ("package", "file"), [("zarr", "shard.py"), ("mlflow", "registry/store.py")]
)
def test_one_file_of_the_core_alone_imports_a_store(package, file):
    assert only_importers(ROOT / "src" / "addend", package) == {file}


def test_the_core_knows_no_orchestrator():
    assert not {name for _, name in imported(ROOT / "src")} & {"prefect", "dvc"}


def test_there_is_no_python_under_mlflow():
    assert (ROOT / "mlflow").is_dir()
    assert not list((ROOT / "mlflow").rglob("*.py")) and not list(
        (ROOT / "mlflow").rglob("__init__*")
    )


@pytest.mark.slow
def test_mlflow_means_the_library_from_the_root():
    done = _run(ROOT, sys.executable, "-c", "import mlflow; print(mlflow.__version__)")
    assert done.stdout.split() == [version("mlflow")]


@each_modality
def test_a_modality_s_stages_have_the_names_and_places_of_every_other_s(modality):
    stages = yaml.safe_load((modality / "dvc.yaml").read_text())["stages"]
    assert list(stages) == ["observe", "simulate", "pretrain", "finetune", "calibrate", "register"]
    for verb, stage in stages.items():
        apart = " --apart" if verb == "register" and "--apart" in stage["cmd"] else ""
        assert stage["cmd"] == f"addend {verb} {modality.name}{apart}" and stage["wdir"] == "../.."
    (pin,) = stages["register"]["outs"]
    assert pin == {f"data/{'apart' if apart else 'pins'}/{modality.name}.json": {"cache": False}}


@each_modality
def test_dvc_owns_the_sets_that_a_package_ships_and_no_folder_around_them(modality):
    """DVC empties an output before it makes it again: sets that somebody ingested must lie outside."""
    outs = yaml.safe_load((modality / "dvc.yaml").read_text())["stages"]["observe"].get("outs", [])
    assert outs == [
        f"data/observations/{modality.name}/{name}" for name in find(modality.name).sets()
    ]


@pytest.fixture(scope="session")
def core(tmp_path_factory):
    """A folder that holds the core, built from a copy of its sources, and links to third-party packages."""
    folder = tmp_path_factory.mktemp("core")
    for entry in Path(pytest.__file__).parent.parent.iterdir():
        if (
            not entry.name.lstrip("_").startswith(("addend", "editable__"))
            and entry.suffix != ".pth"
        ):
            (folder / entry.name).symlink_to(entry)
    _install(sys.executable, _sources(ROOT, tmp_path_factory.mktemp("sources")), "--target", folder)
    return folder


@each_modality
@pytest.mark.slow
def test_a_modality_installs_alone_with_the_core_and_passes_its_tests(modality, core, tmp_path):
    python = _environment(tmp_path / "venv", core)
    _install(python, _sources(modality, tmp_path / "sources"))
    place = tmp_path / "project"
    shutil.copytree(
        modality,
        place / "modalities" / modality.name,
        ignore=shutil.ignore_patterns("src", "__pycache__"),
    )
    shutil.copyfile(ROOT / "parameters.yaml", place / "parameters.yaml")
    assert _distributions(python, place) == {"addend", f"addend-{modality.name}"}
    _run(place, python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "modalities")


@pytest.mark.slow
def test_a_fourth_modality_is_one_new_folder(core, tmp_path, monkeypatch):
    """The toy copied under another name: DVC puts its stages before the fusions, its tests pass, no tracked file differs."""
    place, made = tmp_path / "project", tmp_path / "project" / "modalities" / "fourth"
    _checkout(place)
    _renamed(ROOT / "modalities" / "toy", made)
    monkeypatch.chdir(place)
    stages = {stage.address: stage for stage in plan()}
    assert "modalities/fourth/dvc.yaml:register" in stages["resolve@real"].needs
    python = _environment(tmp_path / "venv", core)
    _install(python, _sources(made, tmp_path / "sources"))
    _run(place, python, "-m", "pytest", "-q", "-p", "no:cacheprovider", made)
    assert _run(place, "git", "status", "--porcelain").stdout.split() == [
        "??",
        "modalities/fourth/",
    ]


def _checkout(folder: Path) -> None:
    """The tracked files of this project as they are, in a repository of their own."""
    for name in filter(None, _run(ROOT, "git", "ls-files", "-z").stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    _run(folder, "git", "init", "-q")
    _run(folder, "git", "add", "--all", "--force")
    _run(
        folder,
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@localhost",
        "commit",
        "-q",
        "-m",
        "as it is",
    )


def _renamed(package: Path, copy: Path) -> None:
    """A package under the name of another folder, in paths and in text."""
    shutil.copytree(
        package, copy, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__", "dvc.lock")
    )
    for path in sorted(copy.rglob("*"), reverse=True):
        if path.is_file():
            path.write_text(path.read_text().replace(package.name, copy.name))
        path.rename(path.with_name(path.name.replace(package.name, copy.name)))


def _environment(folder: Path, core: Path) -> Path:
    """The interpreter of a new environment that sees the core's folder and nothing else."""
    _run(folder.parent, sys.executable, "-m", "venv", "--without-pip", folder)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "core.pth").write_text(f"{core}\n")
    return folder / "bin" / "python"


def _install(python: Path | str, source: Path, *options) -> None:
    quiet = ["-q", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    _run(source, python, "-m", "pip", "install", *quiet, *options, source)


def _sources(package: Path, copy: Path) -> Path:
    """A copy of what a package is made of: building leaves nothing beside the original."""
    shutil.copytree(
        package / "src", copy / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__")
    )
    for name in ("pyproject.toml", "README.md"):
        shutil.copyfile(package / name, copy / name)
    return copy


def _distributions(python: Path, place: Path) -> set[str]:
    code = "from importlib.metadata import distributions as d; print(*{x.name for x in d() if x.name.startswith('addend')})"
    return set(_run(place, python, "-c", code).stdout.split())


def _run(place: Path, *command) -> subprocess.CompletedProcess:
    done = subprocess.run(
        list(map(str, command)), cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        raise AssertionError(
            f"{' '.join(map(str, command))} left with {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
    return done
