"""A fusion to report on: a Gaussian posterior written down exactly, with the shapes of a real one.

Three modalities over (H0, Om, rd, two constrained nuisances), `bao` blind along one direction.
"""

import numpy as np

from addend.fusion.answer import (
    Agreement,
    Answer,
    Covariance,
    Estimate,
    ModalityAnswer,
    ParameterAnswer,
)
from addend.fusion.curves import FUSED, Curves, ProfileCurve, Samples
from addend.fusion.methods import METHODS, TOGETHER, ErrorAudit
from addend.modality import Drawing, Points

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


def estimate(covariance: np.ndarray, i: int) -> dict:
    """The fields of an estimate, for a Gaussian about CENTRE."""
    mean, std = float(CENTRE[i]), float(np.sqrt(covariance[i, i]))
    return {
        "unit": UNITS[i],
        "theta_hat": mean,
        "posterior_mean": mean,
        "posterior_std": std,
        "interval_68": (mean - std, mean + std),
        "interval_95": (mean - 1.96 * std, mean + 1.96 * std),
    }


def fused(covariance: np.ndarray, i: int) -> ParameterAnswer:
    """One parameter of the sum."""
    found = estimate(covariance, i)
    std, inner, outer = (found[k] for k in ("posterior_std", "interval_68", "interval_95"))
    return ParameterAnswer(
        **found,
        definition=f"The meaning of {NAMES[i]}",
        latex=LATEX[i],
        low=float(LOW[i]),
        high=float(HIGH[i]),
        constraint=(0.0, 1.0) if i > 2 else None,
        profile_68=inner,
        profile_95=outer,
        profile_open_68=(False, False),
        profile_open_95=(False, False),
        curvature_std=std,
        sandwich_std=std,
        calibrated_68=inner,
        calibrated_95=outer,
        at_boundary=False,
        identified=True,
    )


def modality(m: str, covariance: np.ndarray) -> ModalityAnswer:
    """One modality; its own covariance where it is blind is that of a wide prior."""
    own = np.linalg.inv(information([m]) + np.diag(1.0 / (HIGH - LOW) ** 2))
    share = covariance @ (np.array(DIRECTIONS[m]).T @ np.array(DIRECTIONS[m]))
    return ModalityAnswer(
        title=f"What {m} are",
        set="published",
        n=N[m],
        dropped=None,
        encoder={"name": m, "digest": "ab" * 32},
        trust_size=200.0,
        outside_support=0.0,
        identified=tuple(NAMES[i] for i in IDENTIFIED[m]),
        parameters={NAMES[i]: Estimate(**estimate(own, i)) for i in IDENTIFIED[m]},
        weight=dict(zip(NAMES, np.diag(share).tolist(), strict=True)),
    )


def example_answer() -> Answer:
    """What a sound fusion would say."""
    covariance = np.linalg.inv(information(DIRECTIONS))
    scale = np.sqrt(np.diag(covariance))
    wide = np.diag(1e-6 / (HIGH - LOW) ** 2)
    without = {m: np.linalg.inv(information(set(DIRECTIONS) - {m}) + wide) for m in DIRECTIONS}
    hits = {name: (340, 475) for name in (*NAMES, TOGETHER)}
    audit = ErrorAudit((0.68, 0.95), 500, hits)
    return Answer(
        fusion="real",
        parameters={p: fused(covariance, i) for i, p in enumerate(NAMES)},
        covariance=Covariance(
            parameters=NAMES,
            posterior=covariance.tolist(),
            correlation=(covariance / np.outer(scale, scale)).tolist(),
            curvature=covariance.tolist(),
        ),
        modalities={m: modality(m, covariance) for m in DIRECTIONS},
        leave_one_out={
            m: {NAMES[i]: Estimate(**estimate(c, i)) for i in (0, 1)} for m, c in without.items()
        },
        tension=Agreement(2.1, 3, 0.55, "simulated"),
        terms=(*DIRECTIONS, "chronometers.eta_imf", "chronometers.eta_sps"),
        modes=({"theta": dict(zip(NAMES, CENTRE.tolist(), strict=True)), "delta": 0.0, "at_boundary": False},),
        sampling={"method": "exact", "samples": 2000},
        converged=True,
        errors=dict.fromkeys(METHODS, audit),
        calibration={"audit": {"trials": 500, "levels": [0.68, 0.95], "hits": {m: [340, 475] for m in METHODS}}},
        provenance={
            "commit": "1234567", "date": "2026-11-25", "packages": {"numpy": "2"}, "seeds": {"fusion": 0}, "params": {},
            "encoders": {}, "shards": {}, "data": {"bao": "shipped with addend-bao, 2025-03-19"},
        },
    )  # fmt: skip


def example_curves() -> Curves:
    """The arrays that go with it."""
    rng, covariance = np.random.default_rng(0), np.array(example_answer().covariance.posterior)
    theta = rng.multivariate_normal(CENTRE, covariance, 2000)
    alone = rng.normal(CENTRE[[0, 1]], [5.0, 0.1], (2000, 2)).clip(LOW[[0, 1]], HIGH[[0, 1]])
    line = np.linspace(-3.2, 3.2, 21)
    grids = {p: CENTRE[i] + np.sqrt(covariance[i, i]) * line for i, p in enumerate(NAMES)}
    return Curves(
        {FUSED: Samples(NAMES, theta), "chronometers": Samples(NAMES[:2], alone, np.ones(2000))},
        {FUSED: {p: ProfileCurve(grid, line**2) for p, grid in grids.items()}},
    )


def example_drawings() -> dict[str, Drawing]:
    """The data of one modality with what theta_hat and two draws predict."""
    z = np.linspace(0.1, 2.0, 6)
    model = np.stack([72 + 60 * z, 70 + 60 * z, 74 + 60 * z])
    points = Points(z, 70 + 60 * z, np.full((2, 6), 8.0), model, z, model)
    return {"chronometers": Drawing("Expansion rates", "$z$", "H [km/s/Mpc]", {"H": points})}
