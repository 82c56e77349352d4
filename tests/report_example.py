"""A fusion to report on: a Gaussian posterior written down exactly, with the shapes of a real one.

Three modalities over (H0, Om, rd, two constrained nuisances), `bao` blind along one direction.
"""

import numpy as np

from addend import report
from addend.report import FUSED, Curves, Panel, ProfileCurve, Samples, Series

NAMES = ("H0", "Om", "rd", "chronometers.eta_imf", "chronometers.eta_sps")
UNITS = ("km/s/Mpc", "1", "Mpc", "1", "1")
LATEX = ("H_0", r"\Omega_m", "r_d", r"\eta_{\rm imf}", r"\eta_{\rm sps}")
CENTRE, LOW, HIGH = np.array(
    [[70.0, 0.3, 147.0, 0.0, 0.0], [50.0, 0.05, 100.0, -5.0, -5.0], [90.0, 0.7, 200.0, 5.0, 5.0]]
)
DIRECTIONS = {  # rows: what a modality measures, in units of its own error
    "chronometers": [[0.2, 5.0, 0, 0.05, 1.0], [0.05, -12.0, 0, 0, 0], [0, 0, 0, 0, 0.2]],
    "bao": [[2.0, 0, 0.98, 0, 0], [0, 115.0, 0, 0, 0]],
    "masers": [[0.33, 0, 0, 0, 0]],
}
IDENTIFIED = {"chronometers": (0, 1, 3, 4), "bao": (1,), "masers": (0,)}
N = {"chronometers": 15, "bao": 7, "masers": 6}


def information(modalities) -> np.ndarray:
    """The sum of information matrices `(5, 5)` of the named modalities and the two constraints."""
    return sum(np.array(DIRECTIONS[m]).T @ np.array(DIRECTIONS[m]) for m in modalities) + np.diag(
        [0, 0, 0, 1.0, 1.0]
    )


def answer(covariance: np.ndarray, i: int) -> dict:
    """The six keys every answer has, for a Gaussian about CENTRE."""
    mean, std = float(CENTRE[i]), float(np.sqrt(covariance[i, i]))
    spans = {
        "interval_68": [mean - std, mean + std],
        "interval_95": [mean - 1.96 * std, mean + 1.96 * std],
    }
    return {
        "unit": UNITS[i],
        "theta_hat": mean,
        "posterior_mean": mean,
        "posterior_std": std,
        **spans,
    }


def fused(covariance: np.ndarray, i: int) -> dict:
    """The block of one parameter of the sum."""
    a = answer(covariance, i)
    return a | {
        "definition": f"The meaning of {NAMES[i]}", "latex": LATEX[i], "low": LOW[i], "high": HIGH[i],
        "constraint": [0.0, 1.0] if i > 2 else None, "profile_68": a["interval_68"], "profile_95": a["interval_95"],
        "profile_open_68": [False, False], "profile_open_95": [False, False],
        "curvature_std": a["posterior_std"], "at_boundary": False,
    }  # fmt: skip


def modality(m: str, covariance: np.ndarray) -> dict:
    """The block of one modality; its own covariance where it is blind is that of a wide prior."""
    own = np.linalg.inv(information([m]) + np.diag(1.0 / (HIGH - LOW) ** 2))
    share = covariance @ (np.array(DIRECTIONS[m]).T @ np.array(DIRECTIONS[m]))
    return {
        "title": f"What {m} are", "set": "published", "n": N[m], "dropped": None,
        "encoder": {"name": m, "version": "1", "digest": "ab" * 32},
        "trust_size": 200.0, "n_over_trust": N[m] / 200, "identified": [NAMES[i] for i in IDENTIFIED[m]],
        "parameters": {NAMES[i]: answer(own, i) for i in IDENTIFIED[m]},
        "weight": dict(zip(NAMES, np.diag(share).tolist(), strict=True)),
    }  # fmt: skip


def example_summary() -> dict:
    """What a fusion would hand over."""
    covariance = np.linalg.inv(information(DIRECTIONS))
    scale = np.sqrt(np.diag(covariance))
    without = {
        m: np.linalg.inv(information(set(DIRECTIONS) - {m}) + np.diag(1e-6 / (HIGH - LOW) ** 2))
        for m in DIRECTIONS
    }
    return {
        "schema_version": report.SCHEMA_VERSION, "fusion": "real", "mock": False,
        "parameters": {p: fused(covariance, i) for i, p in enumerate(NAMES)},
        "covariance": {
            "parameters": list(NAMES), "curvature": covariance.tolist(), "posterior": covariance.tolist(), "sandwich": None,
        },
        "correlation": (covariance / np.outer(scale, scale)).tolist(),
        "modalities": {m: modality(m, covariance) for m in DIRECTIONS},
        "leave_one_out": {m: {"parameters": {NAMES[i]: answer(c, i) for i in (0, 1)}} for m, c in without.items()},
        "tension": {"Q": 2.1, "dof": 3, "p_value": 0.55}, "terms": [*DIRECTIONS, "chronometers.eta_imf", "chronometers.eta_sps"],
        "modes": [{"theta": dict(zip(NAMES, CENTRE.tolist(), strict=True)), "delta": 0.0, "at_boundary": False}],
        "sampling": {"method": "exact", "samples": 2000}, "warnings": [], "dropped": [],
        "calibration": {"audit": {"trials": 500, "levels": [0.68, 0.95], "hits": {"wilks": [338, 470], "neyman": [340, 475]}}},
        "provenance": {
            "commit": None, "packages": {"numpy": "2"}, "seeds": {"fuse": 0}, "params": {}, "encoders": {}, "shards": {},
        },
    }  # fmt: skip


def example_curves(summary: dict) -> Curves:
    """The arrays that go with it."""
    rng, covariance = np.random.default_rng(0), np.array(summary["covariance"]["posterior"])
    theta = rng.multivariate_normal(CENTRE, covariance, 2000)
    chronometers = rng.normal(CENTRE[[0, 1]], [5.0, 0.1], (2000, 2)).clip(LOW[[0, 1]], HIGH[[0, 1]])
    grids = {
        p: CENTRE[i] + np.sqrt(covariance[i, i]) * np.linspace(-3.2, 3.2, 21)
        for i, p in enumerate(NAMES)
    }
    z = np.linspace(0.1, 2.0, 6)
    points = Series(
        z,
        70 + 60 * z,
        np.full((2, 6), 8.0),
        72 + 60 * z,
        z,
        72 + 60 * z,
        np.stack([70 + 60 * z, 74 + 60 * z]),
    )
    return Curves(
        {
            FUSED: Samples(NAMES, theta),
            "chronometers": Samples(NAMES[:2], chronometers, np.ones(2000)),
        },
        {
            FUSED: {
                p: ProfileCurve(grid, np.linspace(-3.2, 3.2, 21) ** 2) for p, grid in grids.items()
            }
        },
        {"chronometers": Panel("Expansion rates", "$z$", "H [km/s/Mpc]", {"H": points})},
    )
