"""The answer of a fusion: frozen values, of which summary.json is the written form.

`fitted` makes one, `calibrated` returns another with what repetitions teach, `report` shows it. What can be computed from
the rest (pull, closure, standing, the error to quote) is a property: it can never speak of another theta_hat.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from ..calibration.standing import Standing, standing
from ..numerics.tails import chi2_above
from .methods import METHODS, ErrorAudit

SCHEMA_VERSION = "3.2"
Pair = tuple[float, float]
Flags = tuple[bool, bool]


@dataclass(frozen=True)
class Estimate:
    """What a sum of terms says of one parameter, in its unit: argmax and posterior with its equal-tailed intervals."""

    unit: str
    theta_hat: float
    posterior_mean: float
    posterior_std: float
    interval_68: Pair
    interval_95: Pair


@dataclass(frozen=True)
class ParameterAnswer(Estimate):
    """What a fusion says of one parameter.

    Arguments:
        definition, latex, low, high, constraint: As it is declared.
        profile_68, profile_95: Where 2 [S_max - S], the others profiled, is below the quantiles of chi-square.
        profile_open_68, profile_open_95: Which of their ends are bounds of the support.
        curvature_std: From the inverse curvature; None where S has none.
        at_boundary, identified: Whether theta_hat is at a bound; whether S has a curvature along it.
        sandwich_std: From the sandwich covariance.
        calibrated_68, calibrated_95: From critical values learned on repetitions.
        corrected_std, theta_hat_uncorrected: Of a locally calibrated theta_hat: its error, and the argmax of S as it is.
        truth: What mock observations were drawn at.
    """

    definition: str
    latex: str
    low: float
    high: float
    constraint: Pair | None
    profile_68: Pair
    profile_95: Pair
    profile_open_68: Flags
    profile_open_95: Flags
    curvature_std: float | None
    at_boundary: bool
    identified: bool
    sandwich_std: float | None = None
    calibrated_68: Pair | None = None
    calibrated_95: Pair | None = None
    corrected_std: float | None = None
    theta_hat_uncorrected: float | None = None
    truth: float | None = None

    @property
    def pull(self) -> float | None:
        """(theta_hat - truth) over the error of this theta_hat."""
        error = self.corrected_std or self.curvature_std
        return (self.theta_hat - self.truth) / error if self.truth is not None and error else None


@dataclass(frozen=True)
class Correction:
    """What is done to a modality's term against an encoder's errors.

    Arguments:
        members: Networks of its ensemble; None for a single one.
        centred: Whether the measured bias of its score is taken off; None where nobody asked.
        weight: Its Godambe weight; None for a plain sum.
        local: Simulations an observation of local calibration; None without it.
    """

    members: int | None = None
    centred: bool | None = None
    weight: float | None = None
    local: int | None = None

    def __str__(self) -> str:
        said = {
            f"local calibration, {self.local} simulations an observation": self.local,
            f"ensemble of {self.members}": self.members,
            "centring": self.centred,
            f"Godambe weight {self.weight or 0:.4g}": self.weight,
        }
        return "; ".join(text for text, asked in said.items() if asked)


UNCORRECTED = Correction()


@dataclass(frozen=True)
class ModalityAnswer:
    """One modality of a fusion, summed or dropped.

    Arguments:
        title, set, n: What it is, its set, and how many observations it sums.
        dropped: Why it is no term of S; None where it is one.
        encoder: Name and digest of its encoder.
        trust_size: N* at theta_hat, of psi as it is summed; None if it was not measured.
        trust_low, trust_high: Its bounds, each at 95 % confidence; None where the simulations set none.
        trust_range: Its least and its largest value over the encoder's support.
        outside_support: The fraction of its observations outside the simulated support.
        identified, parameters: What it identifies alone, and says of it.
        weight, pull: Its share in each parameter; its own theta_hat against the fused one.
        correction: What is done to its term.
        tabulated: The largest error, in nats, of the table that its S is read from; None where every observation is asked.
    """

    title: str
    set: str | None
    n: int
    dropped: str | None
    encoder: Mapping[str, str] | None
    trust_size: float | None = None
    trust_low: float | None = None
    trust_high: float | None = None
    trust_range: Pair | None = None
    outside_support: float | None = None
    identified: tuple[str, ...] = ()
    parameters: Mapping[str, Estimate] = field(default_factory=dict)
    weight: Mapping[str, float] = field(default_factory=dict)
    pull: Mapping[str, float] = field(default_factory=dict)
    correction: Correction = UNCORRECTED
    tabulated: float | None = None

    @property
    def n_over_trust(self) -> float | None:
        """N / N*."""
        return self.n / self.trust_size if self.trust_size else None

    @property
    def standing(self) -> Standing:
        """Where N stands to N*: the one place that says so."""
        return standing(self.n, self.trust_size, self.correction.local is not None)


@dataclass(frozen=True)
class Agreement:
    """2 [sum_m S_m(theta_hat_m) - S(theta_hat)] with its reference law: simulated where that could be."""

    Q: float
    dof: int
    p_value: float
    note: str


@dataclass(frozen=True)
class Covariance:
    """Covariances `(D, D)` in the order of `parameters`; None where there is none."""

    parameters: tuple[str, ...]
    posterior: list[Any]
    correlation: list[Any]
    curvature: list[Any] | None = None
    sandwich: list[Any] | None = None
    corrected: list[Any] | None = None


@dataclass(frozen=True)
class Answer:
    """All that a fusion says.

    Arguments:
        fusion: Its name in params.yaml.
        parameters, covariance: The fused answer.
        modalities: Every modality that it names.
        leave_one_out: The fused answer without one of them.
        tension: Between them; None with one alone.
        terms, modes, sampling: The terms of S, its local maxima, and how the posterior was computed.
        converged: Whether ascent and sampler came to rest.
        errors: The audits of the errors that it quotes, by method; empty before they were audited.
        calibration: Blocks of figures (docs/summary.md).
        warnings: What else must be said, in sentences.
        provenance: Where it came from.
    """

    fusion: str
    parameters: Mapping[str, ParameterAnswer]
    covariance: Covariance
    modalities: Mapping[str, ModalityAnswer]
    leave_one_out: Mapping[str, Mapping[str, Estimate]]
    tension: Agreement | None
    terms: tuple[str, ...]
    modes: tuple[Mapping[str, Any], ...]
    sampling: Mapping[str, Any]
    converged: bool
    errors: Mapping[str, ErrorAudit] = field(default_factory=dict)
    calibration: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def mock(self) -> bool:
        """Whether the observations were drawn at a known truth."""
        return any(p.truth is not None for p in self.parameters.values())

    @property
    def used(self) -> dict[str, ModalityAnswer]:
        """The modalities that are terms of S."""
        return {m: a for m, a in self.modalities.items() if a.dropped is None}

    @property
    def quote(self) -> str | None:
        """The error to quote: the first of `METHODS` that passed its audit; None if none did."""
        return next((m for m in METHODS if m in self.errors and self.errors[m].passed), None)

    @property
    def closure(self) -> dict[str, Any] | None:
        """chi-square of theta_hat against the truth with the covariance of this theta_hat; None without either."""
        matrix = self.covariance.corrected or self.covariance.curvature
        if not self.mock or matrix is None:
            return None
        blocks = [self.parameters[p] for p in self.covariance.parameters]
        off = np.array([p.theta_hat - cast(float, p.truth) for p in blocks])
        statistic = float(off @ np.linalg.solve(np.array(matrix), off))
        p_value = float(chi2_above(statistic, len(off)))
        return {"chi2": statistic, "dof": len(off), "p_value": p_value}

    def with_parameters(self, changes: Mapping[str, Mapping[str, Any]]) -> "Answer":
        """The same with other values of some fields of some parameters."""
        changed = {p: replace(a, **changes.get(p, {})) for p, a in self.parameters.items()}
        return replace(self, parameters=changed)

    def with_modalities(self, changes: Mapping[str, Mapping[str, Any]]) -> "Answer":
        """The same with other values of some fields of some modalities."""
        changed = {m: replace(a, **changes.get(m, {})) for m, a in self.modalities.items()}
        return replace(self, modalities=changed)
