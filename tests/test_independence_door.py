"""The gate's door: pairs of points on a line, some of which share a latent, and what a shell is told of them.

A pair is an object seen twice: y = intercept + slope t + y_err (n + tau eta), with eta ~ N(0, 1) the object's own.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from calibration_oracles import allowed

from addend.calibration import check_independence
from addend.champions import champion
from addend.doors import independence as gate
from addend.encoder import Encoder
from addend.errors import CoupledModalities
from addend.modality import find

PARAMETERS = ("toy.intercept", "toy.slope")


def views(n, tau, rng, theta=None, alike="nothing"):
    """theta `(n, 2)` and the two views' columns; `alike`: what covariates the views have in common."""
    toy = find("toy")
    theta = rng.uniform(-3, 3, (n, 2)) if theta is None else np.tile(theta, (n, 1))
    first, second, eta = toy.covariates(n, rng), toy.covariates(n, rng), rng.standard_normal(n)
    if alike == "everything":
        second = first
    elif alike == "nearly":
        second = {
            "t": np.clip(first["t"] + 0.2 * second["t"], -1, 1),
            "y_err": first["y_err"] * second["y_err"] ** 0.1,
        }
    seen = [toy.simulate(theta, c, rng) | c for c in (first, second)]
    return theta, [c | {"y": c["y"] + tau * c["y_err"] * eta} for c in seen]


@pytest.fixture
def verdict(project):
    """What the gate says of the pairs of `views`."""
    encoder = Encoder.load(champion("toy"))

    def check(theta, seen, rng, stated=True):
        return check_independence(
            gate.pair((encoder, encoder), seen, encoder.space, theta if stated else None), rng
        )

    return check


def write(path, columns):
    np.savetxt(
        path,
        np.column_stack(list(columns.values())),
        delimiter=",",
        header=",".join(columns),
        comments="",
        fmt="%.17g",
    )
    return path


@pytest.fixture
def command(tmp_path):
    """What to type for the pairs of `views`."""

    def make(theta, seen, *more):
        left, right = (
            write(tmp_path / f"{name}.csv", c)
            for name, c in zip(("left", "right"), seen, strict=True)
        )
        points = write(tmp_path / "theta.csv", dict(zip(PARAMETERS, theta.T, strict=True)))
        return [
            "addend",
            *map(str, ("independence", "toy", left, "toy", right, "--theta", points, *more)),
        ]

    return make


def shell(command, project):
    done = subprocess.run(
        [Path(sys.executable).with_name("addend"), *command[1:]],
        cwd=project,
        capture_output=True,
        text=True,
    )
    print(done.stdout + done.stderr)
    return done


@pytest.mark.slow
@pytest.mark.parametrize("alike", ["nothing", "everything", "nearly"])
def test_independent_views_are_seldom_called_coupled_whatever_their_covariates_have_in_common(
    verdict, alike
):
    """40 times 800 pairs at 5 %; the count is beyond what is allowed once in a thousand seeds."""
    rng, trials = np.random.default_rng(1), 40
    alarms = sum(verdict(*views(800, 0.0, rng, alike=alike), rng).fires for _ in range(trials))
    print(
        f"covariates alike: {alike}; {alarms} false alarms in {trials} at 5 %, {allowed(trials, 0.05)} allowed"
    )
    assert alarms <= allowed(trials, 0.05)


def test_a_latent_of_half_the_noise_is_found_in_2000_pairs(verdict):
    """Noise over [0.05, 1] hides it from whoever does not know y_err."""
    rng, trials = np.random.default_rng(2), 15
    found = sum(verdict(*views(2000, 0.5, rng), rng).fires for _ in range(trials))
    print(f"power {found}/{trials} at tau = 0.5")
    assert found >= 0.9 * trials


def test_pairs_at_the_one_theta_of_nature_need_no_theta(verdict):
    rng, trials, one = np.random.default_rng(3), 40, np.array([-0.3, 0.7])
    alarms = sum(
        verdict(*views(400, 0.0, rng, one), rng, stated=False).fires for _ in range(trials)
    )
    print(f"{alarms} false alarms in {trials} at 5 %, {allowed(trials, 0.05)} allowed")
    assert alarms <= allowed(trials, 0.05)
    assert verdict(*views(400, 1.0, rng, one), rng, stated=False).fires


@pytest.mark.slow
def test_a_shell_is_told_of_coupled_modalities_by_name_with_the_remedies_and_status_1(
    project, command
):
    done = shell(command(*views(2000, 1.0, np.random.default_rng(4))), project)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(
        "addend: CoupledModalities: 'toy' and 'toy' are not independent given theta"
    )
    assert all(remedy in done.stderr for remedy in ("into theta", "joint expert", "pairwise term"))
    assert "2,000 pairs" in done.stdout and "They are coupled" in done.stdout


@pytest.mark.slow
def test_a_shell_is_told_of_independent_modalities_with_status_0(project, command):
    """At a false-alarm rate of 1 %, the least there is."""
    done = shell(
        command(*views(2000, 0.0, np.random.default_rng(5)), "--false-alarm", "0.01"), project
    )
    assert done.returncode == 0 and done.stderr == ""
    assert "pairs cannot show" in done.stdout and "false-alarm rate      0.01" in done.stdout


def test_the_warning_has_a_class(verdict):
    rng = np.random.default_rng(6)
    with pytest.warns(CoupledModalities, match="not independent given theta"):
        verdict(*views(800, 2.0, rng), rng).warn()
