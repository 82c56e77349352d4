"""Widths that hold for a psi with the wrong curvature, and weights for terms that deserve less.

For an estimating function sum g with H = -E[grad g] and J = Var(g), both of the whole sum,

    Cov(theta_hat) = H^{-1} J H^{-1}          (Godambe, Annals of Mathematical Statistics 31 (1960) 1208; "sandwich")

which is H^{-1} where J = H. It mends widths, not bias. Where observations share something that theta does not hold
(an object, an exposure, a systematic), J is the sum over these *clusters* of the outer product of each cluster's score
(`numerics.clusters`).

Weights w_m turn S into sum w_m S_m; the best have the largest determinant of the Godambe information
G = H_w J_w^{-1} H_w, H_w = sum w_m N_m H_m, J_w = sum w_m^2 N_m J_m + B_w B_w', in which B_w = sum w_m N_m b_m lets a
biased term count for what it is worth. Only ratios of weights matter to theta_hat, and widths then need the sandwich.
"""

import numpy as np
from scipy.optimize import minimize

from .subspace import pseudo_inverse, whitener


def sandwich(H: np.ndarray, J: np.ndarray) -> np.ndarray:
    """H^{-1} J H^{-1} `(P, P)` of the whole sum, on the directions it identifies."""
    inverse = pseudo_inverse(H)
    return inverse @ J @ inverse


def godambe(
    weights: np.ndarray, n: np.ndarray, H: np.ndarray, J: np.ndarray, bias: np.ndarray | None = None
) -> np.ndarray:
    """G `(P, P)` for weights `(M,)`, counts n `(M,)`, and H, J `(M, P, P)`, b `(M, P)` an observation."""
    total = np.zeros(H.shape[-1]) if bias is None else np.einsum("m,m,mp->p", weights, n, bias)
    Hw = np.einsum("m,m,mpq->pq", weights, n, H)
    Jw = np.einsum("m,m,mpq->pq", np.square(weights), n, J) + np.outer(total, total)
    return Hw @ pseudo_inverse(Jw) @ Hw


def godambe_weights(
    n: np.ndarray, H: np.ndarray, J: np.ndarray, bias: np.ndarray | None = None
) -> np.ndarray:
    """The weights `(M,)`, the largest being 1, that maximise det G on the directions the plain sum identifies."""
    n = np.asarray(n, dtype=np.float64)
    plain = np.einsum("m,mpq->pq", n, H)
    w = whitener(plain, np.abs(np.diagonal(plain)))

    def loss(log_weights: np.ndarray) -> float:
        return -np.linalg.slogdet(
            w.T @ godambe(np.exp(log_weights - log_weights.max()), n, H, J, bias) @ w
        )[1]

    found = minimize(
        loss,
        np.zeros(len(n)),
        method="Nelder-Mead",
        options={"xatol": 1e-6, "fatol": 1e-12, "maxiter": 4000},
    )
    return np.exp(found.x - found.x.max())


def ensemble_covariance(theta_hats: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    """Cov `(P, P)` of the mean of K networks' theta_hat `(K, P)`, their covariances `(K, P, P)` of one data set.

    The data are shared, so those covariances are averaged, not divided; the scatter between networks, which is learned
    noise, is added, divided by K.
    """
    scatter = np.cov(theta_hats, rowvar=False).reshape(theta_hats.shape[1], theta_hats.shape[1])
    return covariances.mean(axis=0) + scatter / len(theta_hats)
