"""What a fusion adds up, as `evaluate` left it.

S(theta) = sum_m sum_i psi_m(x_mi; theta) + constraints,        theta_hat = argmax S
"""

import json
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file

from .. import places
from ..encoder import Encoder
from ..errors import NoObservations
from ..parameters import read_agreement
from ..scalar import Lazy, Sum, constraints
from .weights import Adjusted, adjusted

TERMS = "terms.json"


@dataclass(frozen=True)
class Terms:
    """What `evaluate` left: S with its constraint terms, and what is known of each modality."""

    scalar: Sum
    encoders: dict[str, Encoder | Adjusted]
    facts: dict[str, dict]

    @property
    def used(self) -> list[str]:
        """The modalities that are terms of S."""
        return list(self.encoders)


def read_terms(fusion: str) -> Terms:
    """S of a fusion, in the order of its params.yaml; its support is the intersection of all.

    Raises:
        NoObservations: No modality is left.
    """
    folder = places.fusion(fusion, "terms")
    return assemble(folder, json.loads((folder / TERMS).read_text()), fusion)


def assemble(folder: Path, facts: dict[str, dict], fusion: str) -> Terms:
    encoders, terms = {}, []
    for name in places.fusion_settings(fusion)["modalities"]:
        if facts[name]["dropped"] is None:
            encoders[name] = adjusted(Encoder.load(folder / name / "encoder"), facts[name])
            made = load_file(folder / name / "embedded.safetensors")
            terms.append(Lazy.embedded(encoders[name], made["z"], made["e"], name))
    if not terms:
        raise NoObservations(
            f"every modality of fusion '{fusion}' is dropped",
            "register encoders, or ingest observations",
        )
    space = Sum(terms).space
    agreement = read_agreement(places.ROOT).subset(space.names)
    return Terms(Sum([*terms, *constraints(agreement)], agreement), encoders, facts)
