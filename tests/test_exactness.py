"""The learned encoders of the shipped training, held to exact likelihoods that share no code with the simulators.

Bars: over the 95 % region the learned Delta S differs from the exact one by at most 0.1 nat rms; theta_hat lies within
0.1 sigma and every width within 4 %, each modality alone and all fused. Posterior samples of the learned S are reweighted
by exp(S_exact - S_learned), so the comparison carries no sampling noise of its own.
"""

from contextlib import chdir

import exact
import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import chi2

from addend import places, shards
from addend.answers import read_curves
from addend.evaluated import read_terms
from addend.fusion.curves import FUSED
from addend.maximum.modes import maximise
from addend.maximum.tension import with_constraints

OWN = {
    "chronometers": ["chronometers.eta_imf", "chronometers.eta_sps"],
    "bao": ["rd"],
    "masers": [],
}
MODALITIES = list(OWN)
RMS, SHIFT, WIDTH = 0.1, 0.1, 0.04


@pytest.fixture(scope="module")
def real(demo):
    """The fusion `real` as the demo left it: its terms, its arrays and its observations."""
    torch.set_num_threads(1)
    with chdir(demo):
        terms = read_terms("real")
        curves = read_curves(places.fusion("real", "fit") / "curves.npz")
        return (
            terms,
            curves,
            {
                m: shards.read_set(places.fusion("real", "observations") / m).columns
                for m in MODALITIES
            },
        )


def exact_sum(modalities, names, theta, observations):
    """The exact S `(J,)` of these modalities at theta `(J, D)` with columns `names`, constraint terms of the etas included."""
    total = np.zeros(len(theta))
    for m in modalities:
        own = ["H0", "Om", *OWN[m]]
        columns = theta[:, [names.index(p) for p in own]]
        total += exact.total(m, columns, observations[m])
    etas = [names.index(p) for p in names if "eta" in p]
    return total - 0.5 * (theta[:, etas] ** 2).sum(axis=1)


@pytest.mark.parametrize("which", [*MODALITIES, FUSED])
def test_learned_delta_s_widths_and_maximum_equal_the_exact_ones(real, which, capsys):
    terms, curves, observations = real
    used = MODALITIES if which == FUSED else [which]
    scalar = terms.scalar if which == FUSED else with_constraints(terms.scalar, [which])
    samples = curves.posterior[which]
    names, theta = list(samples.names), samples.values[::7]
    assert names == list(scalar.space.names)
    with torch.no_grad():
        learned = scalar(torch.from_numpy(theta)).numpy()
    truth = exact_sum(used, names, theta, observations)
    fit = maximise(scalar)
    region = truth > truth.max() - chi2.ppf(0.95, fit.rank) / 2
    gap = learned - truth
    rms = gap[region].std()
    weights = np.exp(-(gap - gap.max()))
    weights /= weights.sum()
    mean, std = theta.mean(0), theta.std(0)
    exact_mean = weights @ theta
    exact_std = np.sqrt(weights @ (theta - exact_mean) ** 2)
    known = [names.index(p) for p in fit.identified]
    best = _exact_maximum(used, names, fit, observations)
    shift = np.abs(fit.theta.numpy() - best)[known] / fit.std.numpy()[known]
    with capsys.disabled():
        print(
            f"\n{which}: {rms:.3f} nat rms over the 95 % region ({region.sum()} points); "
            f"theta_hat off by {np.round(shift, 3)} sigma; "
            f"posterior mean off by {np.round((mean - exact_mean) / exact_std, 3)} sigma; "
            f"width ratio {np.round(std / exact_std, 3)}"
        )
    assert rms <= RMS
    assert shift.max() <= SHIFT
    assert np.abs((mean - exact_mean) / exact_std)[known].max() <= SHIFT
    assert np.abs(std / exact_std - 1)[known].max() <= WIDTH


def _exact_maximum(used, names, fit, observations):
    """argmax of the exact S by Nelder and Mead from theta_hat, in units of its errors; blind directions stay put."""
    start = fit.theta.numpy()
    free = [names.index(p) for p in fit.identified]
    scale = fit.std.numpy()[free]

    def minus(u):
        theta = start.copy()
        theta[free] += scale * u[: len(free)]
        if "rd" in names and "rd" not in fit.identified and "H0" not in fit.identified:
            theta[names.index("rd")] *= 1 + 0.01 * u[-1]
        return -exact_sum(used, names, theta[None], observations)[0]

    size = len(free) + ("rd" in names and "rd" not in fit.identified)
    found = minimize(
        minus,
        np.zeros(size),
        method="Nelder-Mead",
        options={"xatol": 1e-4, "fatol": 1e-7, "maxiter": 4000},
    )
    theta = start.copy()
    theta[free] += scale * found.x[: len(free)]
    return theta
