"""How far to trust a fusion, found by repeating it in simulated universes.

`teach` repetitions, drawn over the region that the posterior allows and half as much again, teach the critical values of
calibrated intervals. `audit` others, which taught nothing, say how often each kind of error holds the truth, whether theta_hat
is biased (closure), and how large the tension of data that agree is. What needs no repetition stands beside it (`trust`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ..calibration.local import LocalCalibration
from ..maximum.fit import Fit
from ..maximum.modes import maximise
from ..maximum.tension import groups
from ..modality import Columns, Modality
from ..numerics.folding import fold
from .answer import Answer
from .audit import Audited, Posteriors, blocks_of, error_audits, said_of
from .correction import correct
from .credibility import credibility
from .critical import Criticals, intervals
from .experiments import Laboratory
from .repetitions import Repetitions, climb, profiled, statistics, tension, widths
from .terms import Terms
from .trust import outside_support, require_trusted, sandwiched

WIDEN = 1.5
ROWS, MOST = 250, 2**20
"""Repetitions drawn at once, and the most observations in them."""


@dataclass(frozen=True)
class Plan:
    """What a fusion's settings ask of calibration.

    Arguments:
        teach, audit: Numbers of repetitions, for the critical values and for everything that is counted.
        seed: Of both.
        search: Of the search for theta_hat.
        local: Simulations an observation of local calibration; None without it.
        allow: Whether more observations than N* may be summed uncorrected.
    """

    teach: int = 3000
    audit: int = 500
    seed: int = 1
    search: int = 0
    local: int | None = None
    allow: bool = False


def calibrated(
    answer: Answer,
    terms: Terms,
    simulators: Mapping[str, Modality],
    observed: Mapping[str, Columns],
    samples: np.ndarray,
    plan: Plan,
    report: Callable[[int], None] = lambda done: None,
) -> tuple[Answer, Criticals | None]:
    """The answer with what calibration says of it, and the critical values if any were learned.

    Arguments:
        answer, terms: What was found before, and what it was found from.
        simulators: The modalities that are at hand, by name.
        observed: The observations of each modality.
        samples: Draws of the fused posterior `(n, D)`.
        plan: What is asked.
        report: Told how many of `teach + audit` repetitions are done.

    Raises:
        BeyondTrust: A modality sums more observations than N*, uncorrected, and the fusion does not allow it.
        TooFewSimulations: Too few repetitions to learn from.
    """
    fit = maximise(terms.scalar, plan.search)
    require_trusted(terms, fit, plan.allow, plan.local is not None)
    answer = with_blocks(with_sandwich(answer, terms, fit), support_block(terms))
    answer = warned(answer, _weighted(terms))
    missing = [m for m in terms.used if m not in simulators]
    if missing:
        why = f"No repetitions were possible: no installed package simulates {', '.join(missing)}."
        return warned(answer, [why]), None
    here = {m: simulators[m] for m in terms.used}
    laboratory = Laboratory(terms.scalar, terms.psi, here, observed)
    if plan.local is not None:
        found = correct(laboratory, fit, plan.local, plan.search)
        answer = located(answer, found, fit, plan.local)
    taught, audit = run(laboratory, fit, samples, plan, report)
    return concluded(answer, laboratory, fit, taught, audit)


def run(
    laboratory: Laboratory,
    fit: Fit,
    samples: np.ndarray,
    plan: Plan,
    report: Callable[[int], None] = lambda done: None,
) -> tuple[Repetitions, Audited]:
    """The repetitions that teach, and those that audit."""
    taught: list[Repetitions] = []
    seen: list[Audited] = []
    done = 0
    for pool, n in enumerate((plan.teach, plan.audit)):
        thetas = scattered(samples, fit, n, [plan.seed, pool, 0])
        for block, theta in enumerate(np.array_split(thetas, _blocks(n, laboratory))):
            seed = [plan.seed, pool, 1, block]
            if pool:
                seen.append(audited(laboratory, fit, theta, seed))
            else:
                taught.append(repeated(laboratory, fit, theta, seed))
            done += len(theta)
            report(done)
    return sum(taught[1:], taught[0]), sum(seen[1:], seen[0])


def repeated(laboratory: Laboratory, fit: Fit, theta: np.ndarray, seed: list[int]) -> Repetitions:
    """Repetitions at theta `(J, D)`."""
    S = laboratory.repeat(theta, np.random.default_rng(seed))
    return statistics(S, theta, profiled(fit), climb(S, theta, _others(fit)))


def audited(laboratory: Laboratory, fit: Fit, theta: np.ndarray, seed: list[int]) -> Audited:
    """Repetitions at theta `(J, D)` with their widths, posteriors and tension."""
    S = laboratory.repeat(theta, np.random.default_rng(seed))
    top = climb(S, theta, _others(fit))
    found = statistics(S, theta, profiled(fit), top)
    named = {g: list(part.terms) for g, part in groups(laboratory.scalar).items()}
    q = tension(S, named, top, theta) if len(laboratory.psi) > 1 else None
    where = credibility(S, theta, top, np.random.default_rng([*seed, *b"posterior"]))
    return Audited(found, widths(S, theta, top), Posteriors(*where), q)


def scattered(samples: np.ndarray, fit: Fit, n: int, seed: list[int]) -> np.ndarray:
    """n thetas `(n, D)`: posterior samples, half as far again from their mean, folded back at the bounds."""
    rng = np.random.default_rng(seed)
    mean, drawn = samples.mean(axis=0), samples[rng.integers(len(samples), size=n)]
    u = fit.space.to_unit(mean + WIDEN * (drawn - mean))
    return fit.space.from_unit(fold(u))


def concluded(
    answer: Answer, laboratory: Laboratory, fit: Fit, taught: Repetitions, audit: Audited
) -> tuple[Answer, Criticals]:
    """What the repetitions say of the answer."""
    criticals = Criticals.learn(taught)
    audits = error_audits(audit, criticals, fit)
    n, tension = sum(laboratory.n.values()), answer.tension
    blocks = blocks_of(audit, audits, criticals, fit, n, tension.Q if tension else None)
    if tension and "tension" in blocks:
        note = f"simulated: {len(audit.repetitions.theta)} repetitions in which all share one theta"
        tension = replace(tension, p_value=blocks["tension"]["p_value"], note=note)
    ends = {p: intervals(laboratory.scalar, fit, p, c) for p, c in criticals.single.items()}
    calibrated = {p: {"calibrated_68": a, "calibrated_95": b} for p, (a, b) in ends.items()}
    answer = replace(answer.with_parameters(calibrated), errors=audits, tension=tension)
    return warned(with_blocks(answer, blocks), said_of(audit, criticals)), criticals


def located(answer: Answer, found: LocalCalibration, fit: Fit, times: int) -> Answer:
    """The answer with theta_hat where local calibration puts it."""
    changes = {
        p: {
            "theta_hat": float(found.theta[d]),
            "corrected_std": float(np.sqrt(found.covariance[d, d])),
            "theta_hat_uncorrected": float(fit.theta[d]),
        }
        for d, p in enumerate(found.names)
    }
    corrected = {
        m: {"correction": replace(a.correction, local=times)} for m, a in answer.used.items()
    }
    covariance = replace(answer.covariance, corrected=found.covariance.tolist())
    moved = replace(answer.with_parameters(changes), covariance=covariance)
    how = f"theta_hat is locally calibrated ({times} simulations an observation)"
    said = f"{how}; profiles and posterior are those of S as it is."
    return warned(moved.with_modalities(corrected), [said])


def with_sandwich(answer: Answer, terms: Terms, fit: Fit) -> Answer:
    """The answer with the sandwich covariance of the real data."""
    matrix = sandwiched(terms.scalar, fit)
    known = {
        p: {"sandwich_std": float(np.sqrt(matrix[d, d]))}
        for d, p in enumerate(fit.space.names)
        if p in fit.identified
    }
    whole = matrix.tolist() if len(known) == len(fit.space) else None
    covariance = replace(answer.covariance, sandwich=whole)
    return replace(answer.with_parameters(known), covariance=covariance)


def with_blocks(answer: Answer, blocks: Mapping[str, Any]) -> Answer:
    """The answer with more blocks of figures."""
    return replace(answer, calibration={**(answer.calibration or {}), **blocks})


def warned(answer: Answer, sentences: list[str]) -> Answer:
    """The answer with more that must be said."""
    return replace(answer, warnings=(*answer.warnings, *sentences))


def support_block(terms: Terms) -> dict[str, Any]:
    """The fraction outside the simulated support, by modality and set."""
    outside = outside_support(terms)
    named = {f"{m}: {terms.facts[m].set}": share for m, share in outside.items()}
    return {"support": named} if named else {}


def _weighted(terms: Terms) -> list[str]:
    weights = {m: terms.facts[m].correction.weight for m in terms.used}
    said = [f"{m} {w:.3g}" for m, w in weights.items() if w is not None]
    what = "profiles, curvature and posterior no longer give its errors, the sandwich and calibrated intervals do"
    return [f"S is a weighted sum ({', '.join(said)}): {what}."] if said else []


def _others(fit: Fit) -> torch.Tensor:
    return torch.stack([m.theta for m in fit.modes])[1:]


def _blocks(n: int, laboratory: Laboratory) -> int:
    rows = max(1, min(ROWS, MOST // max(1, sum(laboratory.n.values()))))
    return -(-n // rows)
