"""Numerics: what more than one room computes. Each file opens with its formula; none knows of encoders or modalities."""
