"""Objectives for f_m, one a file: `pretrain.objective` of a modality's params.yaml asks for one by its name.

`standardise` learns nothing and loses nothing; it is for observations that are a few plain numbers. The others train a network,
the modality's own or one of `backbones`, and what it loses is measured (`calibration.information`).

    learns from (x, theta)    supervised_mean, supervised_likelihood, supervised_ratio
    learns from x alone       autoencoder, vicreg
"""

from .autoencoder import Autoencoder
from .backbone import Backbone
from .learned import Inputs, Learned, frozen
from .learning import Plan, learn
from .objective import Objective
from .standardise import Standardise, flow_layout, standardise
from .supervised_likelihood import SupervisedLikelihood
from .supervised_mean import SupervisedMean
from .supervised_ratio import SupervisedRatio
from .vicreg import VICReg

LEARNED: dict[str, type[Objective]] = {
    kind.name: kind
    for kind in (Autoencoder, SupervisedLikelihood, SupervisedMean, SupervisedRatio, VICReg)
}

__all__ = [
    "LEARNED",
    "Autoencoder",
    "Backbone",
    "Inputs",
    "Learned",
    "Objective",
    "Plan",
    "Standardise",
    "SupervisedLikelihood",
    "SupervisedMean",
    "SupervisedRatio",
    "VICReg",
    "flow_layout",
    "frozen",
    "learn",
    "standardise",
]
