"""`fuse`: the sum, its maximum, its intervals and posterior; each term alone, each left out, and whether they agree.

The numbers go to `fit.json`, by the names of docs/summary.md where they end up there; arrays to be drawn to `curves.npz`.
"""

import json

import numpy as np
import torch

from .. import places
from ..durable import fresh_folder
from ..fusion.terms import Terms, read_terms
from ..maximum.fit import Fit
from ..maximum.intervals import Interval, profile_interval
from ..maximum.modes import maximise
from ..maximum.profiles import profile
from ..maximum.tension import tension, weights, with_constraints
from ..posterior import Posterior, sample
from ..progress import progress
from ..report import FUSED, Curves, ProfileCurve, Samples, write_curves
from ..scalar import Scalar

DRAWN = 20_000
LEVELS = {"68": 0.6827, "95": 0.9545}


def fuse(fusion: str) -> None:
    """Fit S and everything that is said beside it."""
    torch.set_num_threads(1)
    terms, seed = read_terms(fusion), places.fusion_settings(fusion).get("seed", 0)
    rests = {
        m: with_constraints(terms.scalar, [k for k in terms.used if k != m])
        for m in terms.used
        if len(terms.used) > 1
    }
    alone = {m: with_constraints(terms.scalar, [m]) for m in terms.used}
    with progress(
        f"fuse {fusion}", 2 + len(rests) + len(alone), "posteriors and profiles"
    ) as update:
        fit, posterior = maximise(terms.scalar, seed), sample(terms.scalar, seed)
        update(1)
        numbers = fused(terms, fit, posterior)
        update(2)
        answers = {}
        for group in (alone, rests):
            for scalar in group.values():
                answers[id(scalar)] = (maximise(scalar, seed), sample(scalar, seed))
                update(2 + len(answers))
    own = {m: answers[id(s)] for m, s in alone.items()}
    left = {m: answers[id(s)] for m, s in rests.items()}
    numbers["modalities"] = {m: modality_block(terms, fit, m, *own[m]) for m in terms.used}
    numbers["leave_one_out"] = {m: {"parameters": answer(*left[m])} for m in left}
    numbers["tension"] = _tension(terms, fit)
    curves = Curves(
        {FUSED: _samples(posterior), **{m: _samples(p) for m, (_, p) in own.items()}},
        {
            FUSED: _profiles(terms.scalar, fit),
            **{m: _profiles(alone[m], f) for m, (f, _) in own.items()},
        },
    )
    with fresh_folder(places.fusion(fusion, "fit")) as folder:
        (folder / "fit.json").write_text(json.dumps(numbers, indent=1, allow_nan=False) + "\n")
        write_curves(folder / "curves.npz", curves)


def fused(terms: Terms, fit: Fit, posterior: Posterior) -> dict:
    """What is said of S itself."""
    intervals = {
        k: {p: profile_interval(terms.scalar, fit, p, level) for p in fit.space.names}
        for k, level in LEVELS.items()
    }
    covariance = fit.covariance.numpy()
    own = {p.name: {k: v[p.name] for k, v in intervals.items()} for p in fit.space}
    return {
        "parameters": {p.name: _parameter(p, d, fit, posterior, own[p.name]) for d, p in enumerate(fit.space)},
        "covariance": {
            "parameters": list(fit.space.names), "posterior": posterior.covariance.tolist(),
            "curvature": covariance.tolist() if np.isfinite(covariance).all() else None,
        },
        "correlation": np.corrcoef(posterior.samples.T).reshape(len(fit.space), -1).tolist(),
        "terms": list(terms.scalar.terms), "value": fit.value, "converged": fit.converged, "identified": list(fit.identified),
        "modes": [_mode(fit, mode) for mode in fit.modes],
        "sampling": {
            "method": "emcee, heavy-tailed kernel-density move", "samples": len(posterior.samples),
            "effective": float(posterior.ess.min()), "reached": posterior.reached,
        },
    }  # fmt: skip


def modality_block(terms: Terms, fit: Fit, name: str, own: Fit, posterior: Posterior) -> dict:
    """What one modality says alone, and its part in the sum."""
    share = weights(terms.scalar, fit)[name]
    return {
        "identified": list(own.identified), "parameters": answer(own, posterior),
        "weight": {p: float(share[d]) for d, p in enumerate(fit.space.names) if p in own.space.names and share[d].isfinite()},
        "pull": _pulls(own, fit),
    }  # fmt: skip


def answer(fit: Fit, posterior: Posterior) -> dict:
    """theta_hat and posterior of every parameter that a scalar function identifies."""
    return {
        p.name: _answer(p, d, fit, posterior)
        for d, p in enumerate(fit.space)
        if p.name in fit.identified
    }


def _answer(p, d: int, fit: Fit, posterior: Posterior) -> dict:
    return {
        "unit": p.unit, "theta_hat": float(fit.theta[d]),
        "posterior_mean": float(posterior.mean[d]), "posterior_std": float(posterior.std[d]),
        **{f"interval_{k}": posterior.interval(level)[d].tolist() for k, level in LEVELS.items()},
    }  # fmt: skip


def _parameter(p, d: int, fit: Fit, posterior: Posterior, intervals: dict[str, Interval]) -> dict:
    std = float(fit.std[d])
    profiles = {f"profile_{k}": [i.low, i.high] for k, i in intervals.items()}
    opened = {f"profile_open_{k}": [i.low_at_bound, i.high_at_bound] for k, i in intervals.items()}
    return {
        **_answer(p, d, fit, posterior), "definition": p.definition, "latex": p.latex, "low": p.low, "high": p.high,
        "constraint": list(p.constraint) if p.constraint else None, **profiles, **opened,
        "curvature_std": std if np.isfinite(std) else None, "at_boundary": p.name in fit.at_boundary,
    }  # fmt: skip


def _mode(fit: Fit, mode) -> dict:
    theta = dict(zip(fit.space.names, mode.theta.tolist(), strict=True))
    return {
        "theta": theta,
        "delta": 2 * (fit.value - mode.value),
        "at_boundary": bool(mode.at_boundary),
    }


def _pulls(own: Fit, fit: Fit) -> dict[str, float]:
    """(own theta_hat - fused) / sqrt(own variance - fused variance), where both identify the parameter."""
    pulls = {}
    for name in set(own.identified) & set(fit.identified):
        a, b = own.space.index([name])[0], fit.space.index([name])[0]
        spread = float(own.std[a]) ** 2 - float(fit.std[b]) ** 2
        if spread > 0:
            pulls[name] = (float(own.theta[a]) - float(fit.theta[b])) / spread**0.5
    return dict(sorted(pulls.items()))


def _tension(terms: Terms, fit: Fit) -> dict | None:
    if len(terms.used) < 2:
        return None
    found = tension(terms.scalar, fit)
    caveat = (
        "" if found.test.regular else ", only a guide: a maximum lies at a bound or is not alone"
    )
    note = f"chi-square by ranks{caveat}"
    return {
        "Q": found.test.statistic,
        "dof": found.test.degrees,
        "p_value": found.test.p_value,
        "note": note,
    }


def _samples(posterior: Posterior) -> Samples:
    step = max(1, len(posterior.samples) // DRAWN)
    return Samples(posterior.space.names, posterior.samples[::step])


def _profiles(
    scalar: Scalar, fit: Fit, points: int = 61, reach: float = 4.0
) -> dict[str, ProfileCurve]:
    """2 [S_max - S] along every identified parameter."""
    curves = {}
    for d, p in enumerate(fit.space):
        if p.name in fit.identified:
            at, half = float(fit.theta[d]), reach * float(fit.std[d])
            grid = torch.linspace(
                max(p.low, at - half), min(p.high, at + half), points, dtype=torch.float64
            )
            curves[p.name] = ProfileCurve(
                grid.numpy(), profile(scalar, fit, p.name, grid).t.clamp(min=0).numpy()
            )
    return curves
