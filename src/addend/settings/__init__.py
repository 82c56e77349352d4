"""What people tune and state: `params.yaml`, the root's and each modality's, and `parameters.yaml`.

One reader, one dataclass a section, the whole of a file judged before any of it is used.
"""

from .of_fusion import (
    CorrectionSettings,
    FusionCalibration,
    FusionSettings,
    TermSettings,
    fusion,
    fusions,
)
from .of_modality import Distil, Finetune, ModalitySettings, Pretrain, Simulate, modality
from .of_parameter import Declaration, declarations
from .of_record import EncoderCalibration, Thresholds
from .reader import read

__all__ = [
    "CorrectionSettings",
    "Declaration",
    "Distil",
    "EncoderCalibration",
    "Finetune",
    "FusionCalibration",
    "FusionSettings",
    "ModalitySettings",
    "Pretrain",
    "Simulate",
    "TermSettings",
    "Thresholds",
    "declarations",
    "fusion",
    "fusions",
    "modality",
    "read",
]
