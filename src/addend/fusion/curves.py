"""The arrays beside an answer: posterior samples and profiles, by name of a modality, a parameter, or `FUSED` for the sum."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

FUSED = "fused"


@dataclass(frozen=True)
class Samples:
    """A posterior as samples.

    Arguments:
        names: Parameters, in the order of the columns.
        values: theta `(n, D)`, each column in its parameter's unit.
        weights: Weight of each sample `(n,)`; None where all weigh the same.
    """

    names: tuple[str, ...]
    values: np.ndarray
    weights: np.ndarray | None = None


@dataclass(frozen=True)
class ProfileCurve:
    """2 [S_max - S] along one parameter, the others profiled.

    Arguments:
        theta: Values of the parameter `(k,)`, rising, in its unit.
        value: 2 [S_max - S] there `(k,)`, twice nats.
    """

    theta: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class Curves:
    """All arrays of one fusion; whatever is left empty is left out of the page.

    Arguments:
        posterior: Samples of each modality's own posterior, and of the sum under `FUSED`.
        profiles: Profiles by parameter, of each modality where it identifies the parameter, and of the sum under `FUSED`.
    """

    posterior: Mapping[str, Samples] = field(default_factory=dict)
    profiles: Mapping[str, Mapping[str, ProfileCurve]] = field(default_factory=dict)
