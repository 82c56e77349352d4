"""Calibration: what an encoder's errors are, up to which number of observations they do not matter, and what mends them.

One diagnostic a file, each a value with a zero and a `+`. `record` collects them, `gate` judges them.
"""

from ..numerics.clusters import cluster_covariance
from .additive import Additive
from .centring import Centring, fit_centring
from .closure import Closure
from .coverage import Coverage
from .gate import Ruling, judge
from .independence import Pairs, check_independence
from .information import Mean, ScoreRegression, log_score
from .local import LocalMoments, locate
from .neyman import Audit, CriticalValues, Draws, learn
from .normalisation import Normalisation
from .pairwise import PairwiseTerm
from .ranks import Ranks
from .record import Record
from .sandwich import godambe_weights, sandwich
from .score import ScoreMoments
from .support import Outside, Support
from .tension import TensionLaw
from .trust import TrustSize, trust_size

__all__ = [
    "Additive",
    "Audit",
    "Centring",
    "Closure",
    "Coverage",
    "CriticalValues",
    "Draws",
    "LocalMoments",
    "Mean",
    "Normalisation",
    "Outside",
    "Pairs",
    "PairwiseTerm",
    "Ranks",
    "Record",
    "Ruling",
    "ScoreMoments",
    "ScoreRegression",
    "Support",
    "TensionLaw",
    "TrustSize",
    "check_independence",
    "cluster_covariance",
    "fit_centring",
    "godambe_weights",
    "judge",
    "learn",
    "locate",
    "log_score",
    "sandwich",
    "trust_size",
]
