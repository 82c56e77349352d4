"""Logistic regression: the log ratio of two laws, where it is linear in known features.

The logit that minimises the cross-entropy between draws of p (y = 1) and of q (y = 0) is log p/q + log n_p/n_q. It is
convex and small here, so a few Newton steps find it; the ridge only keeps separable data finite.
"""

import numpy as np
from scipy.special import expit

RIDGE, STEPS = 1e-6, 30


def fit_logistic(features: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The coefficients `(F,)` of the logit for features `(n, F)`, their first column 1, and classes y `(n,)` in {0, 1}."""
    beta = np.zeros(features.shape[1])
    ridge = RIDGE * len(y) * np.eye(len(beta))
    for _ in range(STEPS):
        p = expit(features @ beta)
        gradient = features.T @ (y - p) - ridge @ beta
        step = np.linalg.solve((features.T * (p * (1 - p))) @ features + ridge, gradient)
        beta = beta + step * min(1.0, 5 / max(np.abs(step).max(), 1e-300))
        if np.abs(step).max() < 1e-8:
            break
    return beta
