"""How an encoder's record is measured, and what it must pass: `calibrate` and `register` of a modality's `params.yaml`."""

from dataclasses import dataclass, fields

from .kinds import Count, Limit, Whole
from .sections import section


@dataclass(frozen=True)
class EncoderCalibration:
    """How much of an encoder is measured.

    Arguments:
        seed: Of everything drawn.
        expected: The number of observations the encoder is meant for.
        cells: Points of the design over theta.
        simulations: Simulated observations at each cell, for the score.
        datasets: Simulated data sets in all, of 1 and of `expected` observations each.
        points: Points of theta at which S of a data set is read.
    """

    seed: Whole
    expected: Count
    cells: Count
    simulations: Count
    datasets: Count
    points: Count


@dataclass(frozen=True)
class Thresholds:
    """What a record must pass for its encoder to be promoted; what is None is not asked.

    Arguments:
        trust: The least N*, in multiples of the observations the encoder is meant for.
        normalisation: The most that exp(psi) of those observations may integrate away from one, in nats.
        coverage: The most that regions may cover more or less than they say, beyond chance.
        curvature: The most that the variance of the score over the curvature may differ from one.
        information: The least part of the Fisher information that f_m keeps.
    """

    trust: Limit = None
    normalisation: Limit = None
    coverage: Limit = None
    curvature: Limit = None
    information: Limit = None

    @classmethod
    def from_dict(cls, found: object, where: str = "the thresholds") -> "Thresholds":
        """Those that a mapping states; raises `BadSetting`."""
        return section(cls, found, where)

    def as_dict(self) -> dict[str, float]:
        """Those that are asked, by name."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in found.items() if value is not None}
