"""What a fusion adds up: its terms, and what is known of each.

    S(theta) = sum_m w_m sum_i [psi_m(x_mi; theta) - B_m(theta)] + constraints,        theta_hat = argmax S

`centring: true` takes B_m (`calibration.centring`) off where the encoder's record holds one: it does only if an independent
half of the simulations said that N* gains by it. `weights: godambe` multiplies by the w_m of `weights`. Both are what a term
of S is; neither changes an encoder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from ..calibration import Record
from ..errors import NoObservations
from ..parameters import ParameterSpace
from ..scalar import Lazy, Psi, Scalar, Scaled, Sum, constraints
from .answer import UNCORRECTED, Correction
from .tables import tabulated


@dataclass(frozen=True)
class Facts:
    """What is known of a modality that a fusion names.

    Arguments:
        set: The set of observations.
        n: How many observations there are.
        mock: Whether they were drawn at a known truth.
        shards: Name, digest and number of observations of each shard.
        encoder: Name and digest of its encoder; None where it has none.
        title: What the encoder says that it is.
        dropped: Why it is no term of S; None where it is one.
        correction: What is done to its term.
        warnings: What must be said of its observations, in sentences.
    """

    set: str
    n: int = 0
    mock: bool = False
    shards: tuple[Mapping[str, Any], ...] = ()
    encoder: Mapping[str, str] | None = None
    title: str = ""
    dropped: str | None = None
    correction: Correction = UNCORRECTED
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The facts as plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> "Facts":
        """The facts that `as_dict` described."""
        read = {"shards": tuple(d["shards"]), "correction": Correction(**d["correction"])}
        read["warnings"] = tuple(d.get("warnings", ()))
        return cls(**{**d, **read})


@dataclass(frozen=True)
class Terms:
    """S with its constraint terms, and what is known of each modality.

    Arguments:
        scalar: S.
        psi: What each modality in S is made of.
        records: The calibration record of each; None where nothing was measured.
        facts: What is known of every modality that the fusion names.
    """

    scalar: Sum
    psi: Mapping[str, Psi]
    records: Mapping[str, Record | None]
    facts: Mapping[str, Facts]

    @property
    def used(self) -> list[str]:
        """The modalities that are terms of S."""
        return list(self.psi)

    @property
    def n(self) -> dict[str, int]:
        """How many observations each of them sums."""
        return {m: self.facts[m].n for m in self.psi}


def assemble(
    psi: Mapping[str, Psi],
    embedded: Mapping[str, tuple[Tensor, Tensor]],
    records: Mapping[str, Record | None],
    facts: Mapping[str, Facts],
    agreement: ParameterSpace,
) -> Terms:
    """S of what was embedded, z `(N, Z)` and e `(N, E)` by modality; its support is the intersection of all.

    Raises:
        NoObservations: No modality is left.
    """
    if not psi:
        raise NoObservations(
            f"every modality of the fusion is dropped: {', '.join(facts)}",
            "register encoders, or ingest observations",
        )
    terms = [
        term(tabulated(Lazy.embedded(psi[m], *embedded[m], m)), records[m], facts[m].correction)
        for m in psi
    ]
    return Terms(add(terms, agreement), psi, records, facts)


def add(terms: Sequence[Scalar], agreement: ParameterSpace) -> Sum:
    """The terms with the constraints of the agreement on their parameters."""
    space = agreement.subset(Sum(terms).space.names)
    return Sum([*terms, *constraints(space)], space)


def term(lazy: Scalar, record: Record | None, correction: Correction) -> Scalar:
    """A term as its correction wants it; itself where that says nothing."""
    offset = record.centring if correction.centred and record else None
    if offset is None and correction.weight is None:
        return lazy
    return Scaled(lazy, 1.0 if correction.weight is None else correction.weight, offset)
