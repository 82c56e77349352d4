"""Where the next simulations are worth most: the ranges that a first encoder leaves, by a set of observations.

    addend narrow <modality> --set <name> [--depth 12]

prints, as `simulate.within` of the modality's params.yaml takes it,

    {theta_p: max over the others of S(theta) >= max S - depth},        S = sum_i psi(x_i; theta) + constraints,

for each parameter: an encoder that is trained again on as many simulations there has them where they matter. What other
data may prefer beyond the ranges is no longer in the encoder's support, and a fusion says so.
"""

import math

import torch

from .. import known, places, shards
from ..champions import champion
from ..encoder import Encoder
from ..fusion.terms import add
from ..maximum.intervals import profile_interval
from ..maximum.modes import maximise
from ..parameters import read_agreement
from ..scalar import Lazy, Scalar

DEPTH, DIGITS = 12.0, 2
"""Nats: 5 sigma of one parameter, 4.2 of three together; digits of a range's width that its ends are told to."""


def narrow(name: str, set_name: str, depth: float = DEPTH) -> str:
    """The ranges as text.

    Raises:
        NoChampion, NoObservations: There is no promoted encoder, or no such set.
        DefinitionMismatch: A parameter that means one thing to the encoder and another in parameters.yaml.
    """
    torch.set_num_threads(1)
    known.require_modality(name, "'addend narrow'")
    columns = shards.read_set(places.observations(name, set_name)).columns
    encoder, agreement = Encoder.load(champion(name)), read_agreement(places.ROOT)
    encoder.space.require_same(agreement, f"the encoder of '{name}'", "parameters.yaml")
    found = ranges(add([Lazy(encoder, columns)], agreement), depth)
    lines = [f"    {p}: [{low:.10g}, {high:.10g}]" for p, (low, high) in found.items()]
    return "\n".join(["simulate:", "  within:", *lines])


def ranges(S: Scalar, depth: float = DEPTH) -> dict[str, tuple[float, float]]:
    """Of each parameter, where S maximised over the others is within so many nats of its maximum, inside its support."""
    fit, found = maximise(S), {}
    for p in S.space:
        ends = profile_interval(S, fit, p.name, critical=2 * depth)
        low, high = outward(ends.low, ends.high)
        found[p.name] = (max(low, p.low), min(high, p.high))
    return found


def outward(low: float, high: float) -> tuple[float, float]:
    """A range a little wider, its ends rounded to `DIGITS` digits of its width."""
    step = 10.0 ** (math.floor(math.log10(high - low)) + 1 - DIGITS)
    return math.floor(low / step) * step, math.ceil(high / step) * step
