"""The flow and `dvc repro` do the same: order, locks, retries, failures, figures, schedules. On a toy DAG, a real server."""

import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import toy_dag
from dvc.repo import Repo
from toy_dag import ROOT, environment, locks, order, run

from flows.children import StageFailed, StoreBusy, repro, stream
from flows.graph import Stage, locks_in_order, plan, stale
from flows.pipeline import longest_first
from flows.serve import free_port, prefect_command, server, url

FLOW = (sys.executable, "-m", "flows")
DVC = (sys.executable, "-m", "dvc")


@pytest.fixture(scope="session")
def prefect(tmp_path_factory):
    """Prefect's server over a store of its own; the settings under which a command uses it."""
    port, home = free_port(), tmp_path_factory.mktemp("prefect")
    with server(prefect_command(port), f"{url(port)}/api/health", PREFECT_HOME=str(home)):
        yield {"PREFECT_API_URL": f"{url(port)}/api", "PREFECT_HOME": str(home)}


@pytest.fixture(scope="session")
def deploying(prefect):
    """The same, with the work pool that deployments name."""
    run(ROOT, *_PREFECT, "work-pool", "create", "addend", "--type", "process", **prefect)
    return prefect


@pytest.fixture
def project(tmp_path):
    return toy_dag.create(tmp_path)


@pytest.fixture(scope="module")
def flown(tmp_path_factory, prefect):
    """A project that the flow brought up to date, its two trainings waiting for one another."""
    folder = toy_dag.create(tmp_path_factory.mktemp("flown"), meet=True)
    return folder, run(folder, *FLOW, **prefect)


def test_two_modalities_run_side_by_side(flown):
    folder, _ = flown  # neither training would have ended without the other
    assert {"a-register", "b-register"} < set(order(folder))


def test_the_flow_runs_what_dvc_repro_runs_and_leaves_the_same_locks(flown, project):
    for m, other in (("a", "b"), ("b", "a")):
        stated = project / "modalities" / m / "dvc.yaml"
        stated.write_text(toy_dag.MODALITY.format(m=m, meet=f"{other}-finetune"))
    (project / "ran").mkdir()
    for m in "ab":
        (project / "ran" / f"{m}-finetune").touch()
    run(project, *DVC, "repro")
    folder, _ = flown
    assert sorted(order(folder)) == sorted(order(project))
    assert locks(folder) == locks(project) and len(locks(folder)) == 3


@pytest.mark.slow
def test_locks_are_those_of_dvc_repro_whichever_stage_ends_first(tmp_path, monkeypatch):
    first, other = (toy_dag.create(tmp_path / name) for name in ("first", "other"))
    run(first, *DVC, "repro")
    monkeypatch.chdir(other)
    with locks_in_order(plan()):
        for target in (
            "modalities/b/dvc.yaml",
            "modalities/a/dvc.yaml",
            "report@closure",
            "report@real",
        ):
            run(other, *DVC, "repro", target)
        assert locks(other)["dvc.lock"] != locks(first)["dvc.lock"]
    assert locks(other) == locks(first)


def test_no_stage_begins_before_those_it_needs(flown, monkeypatch):
    folder, _ = flown
    monkeypatch.chdir(folder)
    began = {name: i for i, name in enumerate(order(folder))}
    step = {s.address: _step(s.address) for s in plan()}
    assert all(began[step[needed]] < began[step[s.address]] for s in plan() for needed in s.needs)


@pytest.mark.slow
def test_the_plan_is_the_order_of_dvc_repro(project, monkeypatch):
    monkeypatch.chdir(project)
    planned = [_step(s.address) for s in plan()]
    run(project, *DVC, "repro")
    assert planned == order(project)


def test_a_second_run_starts_no_flow_and_repeats_only_what_always_runs(flown):
    folder, _ = flown
    before = len(order(folder))
    again = run(folder, *FLOW, PREFECT_API_URL="http://127.0.0.1:9/api")  # nothing answers there
    assert set(order(folder)[before:]) == {"resolve-real", "resolve-closure"}
    assert "data/reports/real/index.html" in again.stdout.splitlines()


def test_the_figures_are_printed_and_are_artifacts_of_the_run(flown, prefect):
    folder, done = flown
    assert "H0  70  [69, 71]" in done.stdout
    found = {a["key"]: a for a in _ask(prefect, "artifacts/filter")}
    assert "H0  70  [69, 71]" in found["fusion-real"]["data"]
    assert (folder / "data/reports/real/index.html").as_uri() in found["report-real"]["data"]


def test_a_stage_that_needs_an_accelerator_is_tagged(flown, prefect):
    tagged = {
        run["name"] for run in _ask(prefect, "task_runs/filter") if "accelerator" in run["tags"]
    }
    assert tagged == {"modalities/a/dvc.yaml:finetune", "modalities/b/dvc.yaml:finetune"}


def test_a_failed_stage_is_named_and_spares_what_does_not_need_it(project, prefect):
    (project / "fail").mkdir()
    (project / "fail" / "a-finetune").touch()
    done = run(project, *FLOW, check=False, **prefect)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith(
        "failed: modalities/a/dvc.yaml:finetune;"
    )
    assert "a-finetune was told to fail" in done.stderr
    assert "b-register" in order(project) and not {"a-register", "resolve-real"} & set(
        order(project)
    )


def test_a_held_lock_is_waited_out(project, prefect, monkeypatch):
    monkeypatch.chdir(project)
    with Repo() as repo:
        with repo.lock, pytest.raises(StoreBusy):
            repro("modalities/a/dvc.yaml:simulate", print)
        repo.lock.lock()
        with subprocess.Popen(
            FLOW, cwd=project, env=environment(**prefect), stderr=subprocess.PIPE, text=True
        ) as flow:
            waits = any("StoreBusy" in line and "Retry 1/" in line for line in flow.stderr)
            repo.lock.unlock()
            flow.communicate(timeout=120)
    assert waits and flow.returncode == 0 and "report-real" in order(project)


def test_a_failed_command_is_not_taken_for_a_held_lock(project, monkeypatch):
    monkeypatch.chdir(project)
    (project / "fail").mkdir()
    (project / "fail" / "a-simulate").touch()
    with pytest.raises(StageFailed, match="a-simulate was told to fail") as raised:
        repro("modalities/a/dvc.yaml:simulate", print)
    assert not isinstance(raised.value, StoreBusy)


def test_only_what_changed_is_stale(flown, monkeypatch):
    folder, _ = flown
    monkeypatch.chdir(folder)
    assert stale(plan()) == []
    seed = folder / "modalities" / "b" / "seed"
    seed.write_text("2")
    assert [s.address for s in stale(plan())] == ["modalities/b/dvc.yaml:finetune"]
    seed.write_text("1")


def test_the_longest_chain_starts_first_and_no_stage_before_what_it_needs():
    def node(address: str, minutes: float, *needs: str) -> Stage:
        return Stage(
            address, "dvc.lock", needs, (), always=False, accelerator=False, minutes=minutes
        )

    stages = [
        node("short", 1),
        node("long", 0),
        node("longer", 3, "long"),
        node("end", 9, "short", "longer"),
        node("aside", 2),
    ]
    assert [s.address for s in longest_first(stages)] == ["long", "longer", "short", "end", "aside"]


def test_lines_of_a_child_come_while_it_runs():
    came = []
    code = "import time; print('first', flush=True); time.sleep(2); print('last')"
    status, tail = stream(
        [sys.executable, "-c", code], lambda line: came.append((line, time.monotonic()))
    )
    assert status == 0 and tail == ["first", "last"]
    assert came[1][1] - came[0][1] > 1


def test_a_nightly_deployment_has_runs_in_the_server_s_calendar(deploying):
    run(ROOT, *_PREFECT, "--no-prompt", "deploy", "--all", **deploying)
    deadline = time.monotonic() + 60
    while not (
        scheduled := [
            r for r in _ask(deploying, "flow_runs/filter") if r["state_type"] == "SCHEDULED"
        ]
    ):
        assert time.monotonic() < deadline, "the server's scheduler made no run"
        time.sleep(0.5)
    assert len(scheduled) > 0 and {r["work_pool_name"] for r in scheduled} == {"addend"}


def test_a_modality_has_a_deployment_of_its_own(deploying):
    run(
        ROOT,
        *_PREFECT,
        "--no-prompt",
        "deploy",
        "--all",
        "--prefect-file",
        "modalities/toy/prefect.yaml",
        **deploying,
    )
    found = {d["name"]: d["parameters"] for d in _ask(deploying, "deployments/filter")}
    assert found["toy"] == {"targets": ["modalities/toy/dvc.yaml"]}


@pytest.mark.parametrize(
    "file", sorted(ROOT.glob("modalities/*/prefect.yaml")), ids=lambda file: file.parent.name
)
def test_deployments_of_modalities_differ_by_name_alone(file):
    assert (
        file.read_text().replace(file.parent.name, "toy")
        == (ROOT / "modalities/toy/prefect.yaml").read_text()
    )


_PREFECT = (sys.executable, "-m", "prefect")


def _step(address: str) -> str:
    """`modalities/a/dvc.yaml:simulate` -> `a-simulate`, `report@real` -> `report-real`."""
    path, _, name = address.rpartition(":")
    return f"{Path(path).parent.name}-{name}" if path else name.replace("@", "-")


def _ask(prefect: dict, what: str) -> list[dict]:
    """Everything of a kind that the server knows."""
    to, headers = f"{prefect['PREFECT_API_URL']}/{what}", {"Content-Type": "application/json"}
    asked = Request(to, data=b"{}", headers=headers)
    with urlopen(asked, timeout=30) as answer:
        return json.load(answer)
