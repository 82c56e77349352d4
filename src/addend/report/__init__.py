"""Report: an answer, or the record of an encoder, to one self-contained HTML page with figures. Decides nothing."""

from .page import Page, encoder_page, fusion_page, write_encoder, write_fusion
from .schema import validate, validate_calibration
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
