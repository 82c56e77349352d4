"""Objectives for f_m, one a file: `pretrain.objective` of a modality's params.yaml asks for one by its name.

`standardise` learns nothing and loses nothing; it is for observations that are a few plain numbers. The others train a network,
the modality's own or one of `backbones`, and what it loses is measured (`calibration.information`).

    learns nothing            none: the summaries that a modality states
    learns from (x, theta)    supervised_mean, supervised_likelihood, supervised_ratio
                              dvib: the last but one through a channel that costs
    learns from x alone       autoencoder, beta_vae, masked; of two views of x: vicreg, infonce
"""

from .autoencoder import Autoencoder
from .backbone import Backbone
from .beta_vae import BetaVAE
from .dvib import DVIB
from .infonce import InfoNCE
from .learned import Inputs, Learned, frozen
from .learning import Plan, learn
from .masked import Masked
from .objective import Objective
from .standardise import Standardise, flow_layout, standardise
from .supervised_likelihood import SupervisedLikelihood
from .supervised_mean import SupervisedMean
from .supervised_ratio import SupervisedRatio
from .untrained import Untrained
from .vicreg import VICReg

LEARNED: dict[str, type[Objective]] = {
    kind.name: kind
    for kind in (
        *(Autoencoder, BetaVAE, Masked, InfoNCE, VICReg),
        *(DVIB, SupervisedLikelihood, SupervisedMean, SupervisedRatio),
        Untrained,
    )
}

__all__ = [
    "DVIB",
    "LEARNED",
    "Autoencoder",
    "Backbone",
    "BetaVAE",
    "InfoNCE",
    "Inputs",
    "Learned",
    "Masked",
    "Objective",
    "Plan",
    "Standardise",
    "SupervisedLikelihood",
    "SupervisedMean",
    "SupervisedRatio",
    "Untrained",
    "VICReg",
    "flow_layout",
    "frozen",
    "learn",
    "standardise",
]
