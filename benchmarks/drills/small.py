"""Settings under which the toy is trained, calibrated and registered in seconds; for drills and tests."""

SETTINGS = {
    "simulate": {"seed": 1, "train": 4000, "calibrate": 3000, "audit": 3000},
    "pretrain": {"objective": "standardise"},
    "finetune": {
        "head": "flow", "hidden": [16, 16], "shape": [8], "components": 2, "seed": 1,
        "steps": [100, 20, 20], "batch": [256, 256, 256], "rate": [0.03, 0.01, 0.001],
    },
    "calibrate": {"seed": 1, "expected": 20, "cells": 8, "simulations": 80, "datasets": 64, "points": 64},
    "register": {"trust": 10},
}  # fmt: skip
