"""Report: an answer, or the record of an encoder, to one self-contained HTML page with figures. Decides nothing."""

from .encoder_page import encoder_page, write_encoder
from .fusion_page import fusion_page, write_fusion
from .rendering import Page
from .schema import validate_calibration
from .summary import validate
from .view import key_figures, sentence

__all__ = [
    "Page",
    "encoder_page",
    "fusion_page",
    "key_figures",
    "sentence",
    "validate",
    "validate_calibration",
    "write_encoder",
    "write_fusion",
]
