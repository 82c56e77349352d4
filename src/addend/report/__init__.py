"""Report: numbers to one self-contained HTML page and figures. No inference happens here.

A fusion hands over its `summary` (docs/summary.md) and its `Curves`; an encoder its calibration record, which
`encoder_record` brings into shape. The `*_block` functions do the same for the calibration of a fusion.
"""

from .blocks import (
    audit_block,
    critical_blocks,
    encoder_record,
    gate_block,
    pulls_block,
    record_blocks,
    tension_block,
)
from .curves import FUSED, Curves, Panel, ProfileCurve, Samples, Series, read_curves, write_curves
from .page import Page, encoder_page, fusion_page, write_encoder, write_fusion
from .schema import SCHEMA_VERSION, validate, validate_calibration
from .verdict import verdict
from .view import key_figures, sentence

__all__ = [
    "FUSED", "SCHEMA_VERSION", "Curves", "Page", "Panel", "ProfileCurve", "Samples", "Series", "audit_block", "critical_blocks",
    "encoder_page", "encoder_record", "fusion_page", "gate_block", "key_figures", "pulls_block", "read_curves", "record_blocks",
    "sentence", "tension_block", "validate", "validate_calibration", "verdict", "write_curves", "write_encoder", "write_fusion",
]  # fmt: skip
