"""`calibrate-fusion`: how far to trust a fusion, found by repeating it in simulated universes.

`teach` repetitions, drawn over the region that the posterior allows and half as much again, teach the critical values of
Neyman's intervals. `audit` others, which taught nothing, say how often the sets of each method hold the truth, whether
theta_hat is biased (closure), and how large the tension of data that agree is. What needs no repetition stands beside it
(`standing`). A fusion's `calibrate: {teach, audit, seed}` says how many.

`calibration.json` holds `blocks` for the report's figures, `summary` for what ends up in summary.json by parameter and by
modality, and the critical values themselves.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
import torch

from .. import places, shards
from ..durable import fresh_folder
from ..errors import BadSetting
from ..fusion.audit import Audited, audited, critical_values
from ..fusion.correction import chosen, correct
from ..fusion.critical import Criticals, intervals
from ..fusion.ensembles import widened
from ..fusion.experiments import Laboratory
from ..fusion.repetitions import Repetitions, climb, measure, profiled, tension, widths
from ..fusion.terms import Terms, read_terms
from ..fusion.trust import outside_support, real_sandwich, standings
from ..fusion.weights import described
from ..maximum.fit import Fit
from ..maximum.modes import maximise
from ..maximum.tension import groups
from ..modality import Columns, installed
from ..progress import progress
from ..report import FUSED, read_curves
from ..report.verdict import LOCAL

WIDEN = 1.5
ROWS, MOST = 250, 2**20
"""Repetitions drawn at once, and the most observations in them."""


@dataclass(frozen=True)
class Budget:
    """Numbers of repetitions.

    Arguments:
        teach: For the critical values.
        audit: For everything that is counted.
        seed: Of both.
    """

    teach: int = 3000
    audit: int = 500
    seed: int = 1


@dataclass(frozen=True)
class Known:
    """What the stages before have found: posterior samples `(n, D)`, and the tension Q of the real data, if any."""

    samples: np.ndarray
    q: float | None


def calibrate(fusion: str) -> None:
    """Calibrate a fusion and write `calibration.json`."""
    torch.set_num_threads(1)
    terms, folder = read_terms(fusion), places.fusion(fusion, "fit")
    observed = {
        m: shards.read_set(places.fusion(fusion, "observations") / m).columns for m in terms.used
    }
    stated = json.loads((folder / "fit.json").read_text())["tension"]
    known = Known(
        read_curves(folder / "curves.npz").posterior[FUSED].values, stated and stated["Q"]
    )
    found = calibration(fusion, terms, observed, known, places.fusion_settings(fusion))
    with fresh_folder(places.fusion(fusion, "calibration")) as folder:
        (folder / "calibration.json").write_text(
            json.dumps(found, indent=1, allow_nan=False) + "\n"
        )


def calibration(
    fusion: str, terms: Terms, observed: Mapping[str, Columns], known: Known, settings: Mapping
) -> dict:
    """All that calibration says of a fusion, as JSON.

    Arguments:
        fusion: Its name.
        terms: S and its encoders.
        observed: The observations of each modality.
        known: What was found before.
        settings: The fusion's section of params.yaml.

    Raises:
        BeyondTrust: A modality sums more observations than N*, uncorrected, and the fusion does not allow it.
        BadSetting: A setting that cannot be used.
    """
    budget, simulations = read_budget(settings), chosen(settings).local
    summary, support = beside(terms, settings)
    fit = maximise(terms.scalar, settings.get("seed", 0))
    _sandwich(terms, fit, summary)
    here = installed()
    missing = [m for m in terms.used if m not in here]
    if missing:
        summary["warnings"].append(
            f"No repetitions were possible: no installed package simulates {', '.join(missing)}."
        )
        return {"summary": summary, "blocks": support, "budget": asdict(budget)}
    laboratory = Laboratory(
        terms.scalar, terms.encoders, {m: here[m] for m in terms.used}, observed
    )
    if simulations is not None:
        _correct(laboratory, fit, simulations, settings.get("seed", 0), summary)
    taught, audit = run(fusion, laboratory, fit, known.samples, budget)
    blocks, criticals = _conclude(laboratory, fit, taught, audit, known.q, summary)
    return {
        "summary": summary,
        "blocks": blocks | support,
        "critical_values": criticals.as_dict(),
        "budget": asdict(budget),
    }


def run(
    what: str, laboratory: Laboratory, fit: Fit, samples: np.ndarray, budget: Budget
) -> tuple[Repetitions, Audited]:
    """The repetitions that teach, and those that audit."""
    taught, seen, done = [], [], 0
    with progress(f"calibrate {what}", budget.teach + budget.audit, "repetitions") as update:
        for pool, n in enumerate((budget.teach, budget.audit)):
            blocks = np.array_split(
                design(samples, fit, n, [budget.seed, pool, 0]), _blocks(n, laboratory)
            )
            for block, theta in enumerate(blocks):
                found = repeat(
                    laboratory, fit, theta, [budget.seed, pool, 1, block], full=bool(pool)
                )
                (seen if pool else taught).append(found)
                done += len(theta)
                update(done)
    return sum(r.repetitions for r in taught), sum(seen)


def repeat(
    laboratory: Laboratory, fit: Fit, theta: np.ndarray, seed: list[int], full: bool
) -> Audited:
    """Repetitions at theta `(J, D)`; their widths and tension only if `full`."""
    S = laboratory.repeat(theta, np.random.default_rng(seed))
    top = climb(S, theta, torch.stack([m.theta for m in fit.modes])[1:])
    found = measure(S, theta, profiled(fit), top)
    if not full:
        return Audited(found)
    named = {g: list(part.terms) for g, part in groups(laboratory.scalar).items()}
    q = tension(S, named, top, theta) if len(laboratory.encoders) > 1 else None
    return Audited(found, widths(laboratory, S, theta, top), q)


def design(samples: np.ndarray, fit: Fit, n: int, seed: list[int]) -> np.ndarray:
    """n thetas `(n, D)`: posterior samples, half as far again from their mean, folded back at the bounds."""
    mean, drawn = (
        samples.mean(axis=0),
        samples[np.random.default_rng(seed).integers(len(samples), size=n)],
    )
    u = fit.space.to_unit(mean + WIDEN * (drawn - mean))
    return fit.space.from_unit(1 - np.abs(1 - np.mod(u, 2)))


def beside(terms: Terms, settings: Mapping) -> tuple[dict, dict]:
    """The part of `summary` that knows N* and the support, and the block of the latter."""
    outside, warnings = outside_support(terms), standings(terms, settings) + _weighted(terms)
    modalities = {
        m: {"outside_support": outside.get(m), "correction": described(terms.facts[m])}
        for m in terms.used
    }
    support = {f"{m}: {terms.facts[m]['set']}": share for m, share in outside.items()}
    return {"parameters": {}, "modalities": modalities, "warnings": warnings}, {
        "support": support
    } if support else {}


def read_budget(settings: Mapping) -> Budget:
    """The fusion's `calibrate` section; what it does not say is as in `Budget`."""
    given = settings.get("calibrate") or {}
    for key, value in given.items():
        if (
            key not in {f.name for f in fields(Budget)}
            or isinstance(value, bool)
            or not isinstance(value, int)
            or value < 1
        ):
            expected = (
                f"expected {', '.join(f.name for f in fields(Budget))} with whole numbers from 1 up"
            )
            raise BadSetting(
                f"a fusion's calibrate says '{key}: {value}', {expected}", "mend params.yaml"
            )
    return Budget(**given)


def _conclude(
    laboratory: Laboratory, fit: Fit, taught, audit: Audited, q: float | None, summary: dict
) -> tuple[dict, Criticals]:
    criticals = Criticals.learn(taught)
    for p, values in criticals.single.items():
        found = intervals(laboratory.scalar, fit, p, values)
        summary["parameters"][p] |= {
            f"neyman_{k}": list(ends) for k, ends in zip(("68", "95"), found, strict=True)
        }
    blocks, said = audited(audit, criticals, fit, sum(laboratory.n.values()), q)
    summary["warnings"] += said
    if "tension" in blocks:
        note = f"simulated: {len(audit.q)} repetitions in which all share one theta"
        summary["tension"] = {"p_value": blocks["tension"]["p_value"], "note": note}
    critical = critical_values(criticals, fit)
    return ({"critical": critical} if critical else {}) | blocks, criticals


def _sandwich(terms: Terms, fit: Fit, summary: dict) -> None:
    matrix = widened(terms, fit, real_sandwich(terms.scalar, fit))
    known = {
        p: float(np.sqrt(matrix[d, d]))
        for d, p in enumerate(fit.space.names)
        if p in fit.identified
    }
    summary["parameters"] = {p: {"sandwich_std": known.get(p)} for p in fit.space.names}
    summary["sandwich"] = matrix.tolist() if len(known) == len(fit.space) else None


def _correct(laboratory: Laboratory, fit: Fit, simulations: int, seed: int, summary: dict) -> None:
    found = correct(laboratory, fit, simulations, seed)
    how = f"{LOCAL}, {simulations} simulations an observation"
    for d, p in enumerate(found.names):
        errors = {
            "corrected_std": float(np.sqrt(found.covariance[d, d])),
            "theta_hat_uncorrected": float(fit.theta[d]),
        }
        summary["parameters"][p] |= {"theta_hat": float(found.theta[d]), **errors}
    for block in summary["modalities"].values():
        block["correction"] = "; ".join([how, *filter(None, [block["correction"]])])
    summary["warnings"].append(
        f"theta_hat is corrected ({how}); profiles and posterior are those of S as it is."
    )


def _weighted(terms: Terms) -> list[str]:
    factors = [
        f"{m} {terms.facts[m]['factor']:.3g}" for m in terms.used if "factor" in terms.facts[m]
    ]
    what = "profiles, curvature and posterior no longer give its errors, the sandwich and calibrated intervals do"
    return [f"S is a weighted sum ({', '.join(factors)}): {what}."] if factors else []


def _blocks(n: int, laboratory: Laboratory) -> int:
    rows = max(1, min(ROWS, MOST // max(1, sum(laboratory.n.values()))))
    return -(-n // rows)
