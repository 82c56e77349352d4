"""The sirens against brute force, and at a known truth: `python -m benchmarks sirens`, in a project whose sky has run.

information     psi of single events held to `addend_sirens.exact`: the part of the score's variance it keeps, and its bias
universes       200 of 500 events at one truth: regions by likelihood ratio, and pulls of ln d at the middle redshift
all of them     the 100,000 events of these as one
"""

from collections.abc import Callable, Iterator
from typing import Any

import addend_sirens.detectors as detectors
import addend_sirens.exact as exact
import numpy as np
import torch
from addend_sirens.distance import luminosity
from addend_sirens.marginal import REACH, reference
from addend_sirens.sirens import Embed, Sirens, weighing
from scipy.interpolate import CubicSpline
from scipy.stats import chi2

from addend.champions import champion
from addend.encoder import Encoder
from addend.maximum import maximise
from addend.modality import Columns
from addend.scalar import Lazy

from .record import cpu, table, write

TRUTH = (70.0, 0.3)
LOUD = 35.0
"""Above this ratio the angles of brute force are too few."""


def run(quick: bool) -> None:
    """Measure, print and keep."""
    rows = [information(20 if quick else 400)]
    print(table(rows), flush=True)
    encoder = Encoder.load(champion("sirens"))
    with cpu() as clock:
        z, e = embedded(encoder, 2000 if quick else 100_000)
    rate = len(z) / clock.seconds
    rows += [
        {**universes(encoder, z, e, 500), "events / s": rate},
        {**universes(encoder, z, e, len(z)), "events / s": rate},
    ]
    print(table(rows[1:]))
    write("sirens", quick, rows)


def information(n: int) -> dict[str, Any]:
    """Scores in ln d at the truth, by f_m's curve and by brute force."""
    exact.FINE, exact.TIMES = 0.006, 0.00025
    exact.CHOSEN, exact.ANGLES, exact.COSINES = 400, 24, 64
    modality, rng = Sirens(), np.random.default_rng(1)
    theta = np.stack([rng.uniform(50, 90, n), rng.uniform(0.05, 0.7, n)], 1)
    columns = modality.covariates(n, rng)
    columns |= modality.simulate(theta, columns, rng)
    loud = modality.loudest(columns["strain"], columns)
    curve, z = _curves(columns), torch.from_numpy(columns["z"])
    at = torch.log(luminosity(z, *torch.from_numpy(theta).T) / reference(z)).numpy()
    s = np.linspace(REACH[0], REACH[1], 36)
    true = np.array([
        exact.curve(strain, host, np.exp(s) * float(reference(torch.tensor(host["z"]))))
        for strain, host in zip(columns["strain"], _hosts(columns), strict=True)
    ])  # fmt: skip
    off, found_at = [], curve(s)
    for k, values in enumerate(true):
        near = values > values.max() - chi2.ppf(0.95, 1) / 2
        off.append((found_at[k] - values)[near].std())
    step = 2e-3
    smooth = [CubicSpline(s, values) for values in true]
    own = np.array(
        [(f(a + step) - f(a - step)) / (2 * step) for f, a in zip(smooth, at, strict=True)]
    )
    found = np.array([curve([a + step, a - step])[k] for k, a in enumerate(at)])
    scores = np.diff(found[:, ::-1], axis=1)[:, 0] / (2 * step)
    audible = loud < LOUD
    differ = scores - own
    return {
        "what": "information about ln d", "N": n,
        "kept": float(np.corrcoef(own, scores)[0, 1] ** 2),
        "kept below 35": float(np.corrcoef(own[audible], scores[audible])[0, 1] ** 2),
        "score off by": float(differ.mean()), "its error": float(differ.std() / n**0.5), "spread of the score": float(own.std()),
        "delta S, median [nat]": float(np.median(off)), "delta S, 95 % [nat]": float(np.quantile(off, 0.95)),
    }  # fmt: skip


def _curves(columns: Columns) -> Callable[[Any], np.ndarray]:
    """log L of f_m, before selection and peculiar velocity, at ln d over `reference`: `(J,)` to `(N, J)`."""
    net = Embed()
    z, _, longitude, latitude = (
        torch.from_numpy(columns[f.name]) for f in Sirens.schema.covariates
    )
    plus, cross, delay = detectors.response(longitude, latitude)
    with torch.no_grad():
        q, rho, variance = net.filters(
            torch.from_numpy(columns["strain"]).double(), delay, weighing(plus, cross, z), z
        )
        likely = net.marginal.likely(q, rho, variance, plus, cross, z)
        coefficients = net.marginal.curve(likely)

    def at(s: Any) -> np.ndarray:
        points = torch.as_tensor(np.asarray(s)).expand(len(z), -1)
        return np.asarray(net.marginal.curve.between(coefficients, points))

    return at


def _hosts(columns: Columns) -> Iterator[dict[str, float]]:
    names = [f.name for f in Sirens.schema.covariates]
    for values in zip(*(columns[name] for name in names), strict=True):
        yield dict(zip(names, map(float, values), strict=True))


def embedded(encoder: Encoder, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """n events at `TRUTH`, as f_m makes them."""
    modality, rng, made = (
        Sirens(),
        np.random.default_rng(2),
        list[tuple[torch.Tensor, torch.Tensor]](),
    )
    for low in range(0, n, 2000):
        size = min(2000, n - low)
        columns = modality.covariates(size, rng)
        columns |= modality.simulate(np.tile(TRUTH, (size, 1)), columns, rng)
        made.append(encoder.embed(columns))
        print(f"{low + size} of {n} events", flush=True)
    return torch.cat([z for z, _ in made]), torch.cat([e for _, e in made])


def universes(encoder: Encoder, z: torch.Tensor, e: torch.Tensor, size: int) -> dict[str, Any]:
    """Universes of so many events each: how often regions hold the truth, and two pulls of what is best known.

    That of the score at the truth is against the mean curvature of all events, so that its mean shows a bias and nothing else;
    that of theta_hat is what a user would see, against the curvature of the universe itself.
    """
    truth = torch.tensor([TRUTH], dtype=torch.float64)
    parts = [
        Lazy.embedded(encoder, *part) for part in zip(z.split(size), e.split(size), strict=True)
    ]
    jets = [term.jet(truth) for term in parts]
    mean = torch.stack([-jet.hessian[0] * truth.T * truth for jet in jets]).mean(0)
    axis = torch.linalg.eigh(mean)
    best, strength = axis.eigenvectors[:, -1], axis.eigenvalues[-1] ** 0.5
    rows = []
    for term, jet in zip(parts, jets, strict=True):
        fit = maximise(term)
        off = best @ ((fit.theta - truth[0]) / truth[0])
        own = best @ (-fit.hessian * truth.T * truth) @ best
        ratio = 2 * (fit.value - float(jet.value))
        score = float(best @ (jet.gradient[0] * truth[0]) / strength)
        rows.append([ratio, score, float(off * own**0.5), *fit.theta.tolist()])
    t, scores, pulls, *found = np.array(rows).T
    return {
        "what": "universes", "universes": len(t), "N": size,
        "covered 68": float((t < chi2.ppf(0.6827, 2)).mean()), "covered 95": float((t < chi2.ppf(0.9545, 2)).mean()),
        "score": float(scores.mean()), "score's spread": float(scores.std()),
        "pull": float(pulls.mean()), "pull's spread": float(pulls.std()), "-2 log ratio at the truth": float(t.mean()),
        "H0": float(found[0].mean()), "Om": float(found[1].mean()),
    }  # fmt: skip
