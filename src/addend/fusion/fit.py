"""A fusion fitted: the sum, its maximum, intervals and posterior; each term alone, each left out, and whether they agree."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..maximum.fit import Fit, Mode
from ..maximum.intervals import profile_intervals
from ..maximum.modes import maximise
from ..maximum.profiles import profile
from ..maximum.tension import tension, weights, with_constraints
from ..parameters import Parameter
from ..posterior import Posterior, sample
from ..scalar import Scalar
from .answer import Agreement, Answer, Covariance, Estimate, ModalityAnswer, ParameterAnswer
from .curves import FUSED, Curves, ProfileCurve, Samples
from .tables import error_of
from .terms import Facts, Terms
from .trust import outside_support, require_trusted, stated

DRAWS, OF_PARTS, DRAWN = 5000, 2000, 20_000
"""Effective draws of the posterior of S, and of those of parts of it, whose widths are known to 1 and 1.6 %; the most kept."""
LEVELS = {"68": 0.6827, "95": 0.9545}
POINTS, REACH = 61, 4.0
"""Points of a drawn profile, and how many standard deviations it goes to either side."""


@dataclass(frozen=True)
class Solved:
    """A scalar function with its maximum and its posterior."""

    scalar: Scalar
    fit: Fit
    posterior: Posterior

    @classmethod
    def of(cls, scalar: Scalar, seed: int, fit: Fit | None = None, ess: int = DRAWS) -> "Solved":
        """By ascent, unless the maximum is known, and by sampling with that effective sample size."""
        return cls(scalar, fit or maximise(scalar, seed), sample(scalar, seed, ess))

    @property
    def estimates(self) -> dict[str, Estimate]:
        """theta_hat and posterior of every parameter that it identifies."""
        return {
            p.name: Estimate(**self.estimate(d, p))
            for d, p in enumerate(self.fit.space)
            if p.name in self.fit.identified
        }

    def estimate(self, d: int, p: Parameter) -> dict[str, Any]:
        """The fields of an `Estimate` of the d-th parameter."""
        found = {f"interval_{k}": self.posterior.interval(level)[d] for k, level in LEVELS.items()}
        return {
            "unit": p.unit,
            "theta_hat": float(self.fit.theta[d]),
            "posterior_mean": float(self.posterior.mean[d]),
            "posterior_std": float(self.posterior.std[d]),
            **{k: tuple(ends.tolist()) for k, ends in found.items()},
        }


def fitted(
    fusion: str,
    terms: Terms,
    seed: int,
    truth: Mapping[str, float] | None = None,
    report: Callable[[int], None] = lambda done: None,
    allow: bool = False,
) -> tuple[Answer, Curves]:
    """What S says, before anything is repeated.

    Arguments:
        fusion: Its name.
        terms: S and what is known of its terms.
        seed: Of searches and samplers.
        truth: What its mock observations were drawn at.
        report: Told how many of `2 + pieces(terms)` pieces of work are done.
        allow: Whether a modality may sum more than its N* at theta_hat; else `BeyondTrust`, before anything is sampled.
    """
    fit = maximise(terms.scalar, seed)
    require_trusted(terms, fit, allow, local=False)
    together = Solved.of(terms.scalar, seed, fit)
    report(1)
    parameters = fused_parameters(together, truth or {})
    report(2)
    parts, solved = {**{("alone", m): [m] for m in terms.used}, **_rests(terms.used)}, {}
    for key, names in parts.items():
        solved[key] = Solved.of(with_constraints(terms.scalar, names), seed, ess=OF_PARTS)
        report(2 + len(solved))
    alone = {m: solved["alone", m] for m in terms.used}
    left = {m: solved[kind, m] for kind, m in solved if kind == "rest"}
    answer = Answer(
        fusion=fusion,
        parameters=parameters,
        covariance=_covariance(together),
        modalities=_modalities(terms, together, alone),
        leave_one_out={m: s.estimates for m, s in left.items()},
        tension=_agreement(terms, together.fit),
        terms=tuple(terms.scalar.terms),
        modes=tuple(_mode(together.fit, mode) for mode in together.fit.modes),
        sampling=_sampling(together.posterior),
        converged=bool(together.fit.converged and together.posterior.reached),
        warnings=tuple(said for m in terms.used for said in terms.facts[m].warnings),
        provenance=_provenance(terms, seed),
    )
    return answer, _curves({FUSED: together, **alone})


def pieces(terms: Terms) -> int:
    """How many parts of S are solved beside S itself."""
    return len(terms.used) + len(_rests(terms.used))


def fused_parameters(
    solved: Solved, truth: Mapping[str, float] | None = None
) -> dict[str, ParameterAnswer]:
    """What is said of each parameter of S."""
    truth = truth or {}
    return {
        p.name: _parameter(solved, d, p, truth.get(p.name)) for d, p in enumerate(solved.fit.space)
    }


def _parameter(solved: Solved, d: int, p: Parameter, truth: float | None) -> ParameterAnswer:
    fit, std = solved.fit, float(solved.fit.std[d])
    found = profile_intervals(solved.scalar, fit, p.name, LEVELS)
    intervals: Any = {f"profile_{k}": (i.low, i.high) for k, i in found.items()}
    opened: Any = {f"profile_open_{k}": (i.low_at_bound, i.high_at_bound) for k, i in found.items()}
    return ParameterAnswer(
        **solved.estimate(d, p), **intervals, **opened,
        definition=p.definition, latex=p.latex, low=p.low, high=p.high, constraint=p.constraint,
        curvature_std=std if np.isfinite(std) else None,
        at_boundary=p.name in fit.at_boundary, identified=p.name in fit.identified,
        truth=None if truth is None else float(truth),
    )  # fmt: skip


def _rests(used: list[str]) -> dict[tuple[str, str], list[str]]:
    """The modalities that are left without each of them; none where there is one."""
    return {("rest", m): [k for k in used if k != m] for m in used if len(used) > 1}


def _modalities(
    terms: Terms, together: Solved, alone: Mapping[str, Solved]
) -> dict[str, ModalityAnswer]:
    shares, outside = weights(terms.scalar, together.fit), outside_support(terms)
    return {
        m: _modality(terms, m, facts, together.fit, alone, shares, outside)
        for m, facts in terms.facts.items()
    }


def _modality(
    terms: Terms,
    m: str,
    facts: Facts,
    fit: Fit,
    alone: Mapping[str, Solved],
    shares: Any,
    outside: Any,
) -> ModalityAnswer:
    known: Any = {k: getattr(facts, k) for k in ("set", "n", "dropped", "encoder", "correction")}
    if m not in alone:
        return ModalityAnswer(title=facts.title or m, **known)
    own, share = alone[m], dict(zip(fit.space.names, shares[m].tolist(), strict=True))
    return ModalityAnswer(
        title=facts.title or m, **known,
        **stated(terms, m, fit), outside_support=outside.get(m),
        identified=own.fit.identified, parameters=own.estimates,
        weight={p: share[p] for p in fit.space.names if p in own.fit.space.names and np.isfinite(share[p])},
        pull=_pulls(own.fit, fit), tabulated=error_of(terms.scalar.terms[m].bare),
    )  # fmt: skip


def _pulls(own: Fit, fit: Fit) -> dict[str, float]:
    """(own theta_hat - fused) / sqrt(own variance - fused variance), where both identify the parameter."""
    pulls = {}
    for name in sorted(set(own.identified) & set(fit.identified)):
        a, b = own.space.index([name])[0], fit.space.index([name])[0]
        spread = float(own.std[a]) ** 2 - float(fit.std[b]) ** 2
        if spread > 0:
            pulls[name] = (float(own.theta[a]) - float(fit.theta[b])) / spread**0.5
    return pulls


def _agreement(terms: Terms, fit: Fit) -> Agreement | None:
    if len(terms.used) < 2:
        return None
    test = tension(terms.scalar, fit).test
    caveat = "" if test.regular else ", only a guide: a maximum lies at a bound or is not alone"
    note = f"chi-square by ranks{caveat}"
    return Agreement(test.statistic, test.degrees, test.p_value, note)


def _covariance(solved: Solved) -> Covariance:
    matrix, D = solved.fit.covariance, len(solved.fit.space)
    return Covariance(
        parameters=solved.fit.space.names,
        posterior=solved.posterior.covariance.tolist(),
        correlation=np.corrcoef(solved.posterior.samples.T).reshape(D, D).tolist(),
        curvature=matrix.tolist() if bool(matrix.isfinite().all()) else None,
    )


def _mode(fit: Fit, mode: Mode) -> dict[str, Any]:
    theta = dict(zip(fit.space.names, mode.theta.tolist(), strict=True))
    return {"theta": theta, "delta": 2 * (fit.value - mode.value), "at_boundary": bool(mode.at_boundary)}  # fmt: skip


def _sampling(posterior: Posterior) -> dict[str, Any]:
    return {
        "method": "emcee, heavy-tailed kernel-density move",
        "samples": len(posterior.samples),
        "effective": float(posterior.ess.min()),
    }


def _provenance(terms: Terms, seed: int) -> dict[str, Any]:
    used = {m: terms.facts[m] for m in terms.used}
    return {
        "seeds": {"fusion": seed},
        "encoders": {m: f.encoder["digest"] for m, f in used.items() if f.encoder},
        "shards": {m: list(f.shards) for m, f in used.items()},
    }


def _curves(solved: Mapping[str, Solved]) -> Curves:
    return Curves(
        {name: _samples(s.posterior) for name, s in solved.items()},
        {name: dict(_profiles(s.scalar, s.fit)) for name, s in solved.items()},
    )


def _samples(posterior: Posterior) -> Samples:
    step = max(1, len(posterior.samples) // DRAWN)
    return Samples(posterior.space.names, posterior.samples[::step])


def _profiles(scalar: Scalar, fit: Fit) -> Iterable[tuple[str, ProfileCurve]]:
    """2 [S_max - S] along every identified parameter."""
    for d, p in enumerate(fit.space):
        if p.name in fit.identified:
            at, half = float(fit.theta[d]), REACH * float(fit.std[d])
            low, high = max(p.low, at - half), min(p.high, at + half)
            grid = torch.linspace(low, high, POINTS, dtype=torch.float64)
            t = profile(scalar, fit, p.name, grid).t.clamp(min=0)
            yield p.name, ProfileCurve(grid.numpy(), t.numpy())
