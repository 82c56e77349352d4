"""The variance of a sum from its terms: J of a sum of scores, of which some share more than theta.

    J = G / (G - 1) sum_c (g_c - g_mean) (g_c - g_mean)',        g_c = sum of the scores in cluster c

unbiased for G independent clusters of one law (Liang and Zeger, Biometrika 73 (1986) 13).
"""

import numpy as np


def cluster_covariance(gradients: np.ndarray, clusters: np.ndarray | None = None) -> np.ndarray:
    """J `(P, P)` of a sum from its N scores grad psi_i(theta_hat) `(N, P)` and the cluster `(N,)` of each.

    Without clusters each observation is its own.
    """
    labels = (
        np.arange(len(gradients))
        if clusters is None
        else np.unique(clusters, return_inverse=True)[1]
    )
    sums = np.zeros((labels.max() + 1, gradients.shape[1]))
    np.add.at(sums, labels, gradients)
    centred = sums - sums.mean(axis=0)
    return centred.T @ centred * len(sums) / (len(sums) - 1)
