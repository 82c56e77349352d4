r"""Linear algebra of a few dimensions whose last digit is the same on every processor.

BLAS and LAPACK add in an order that each processor's kernel chooses, so their results differ from
machine to machine by rounding. A record is known by its sha256, which shows the last digit. Here
all sums are numpy's own, in one order.

Eigenvalues and singular values are found by Jacobi's rotations (Crelle's Journal 30 (1846) 51;
one-sided: Hestenes, J. SIAM 6 (1958) 51). Two columns u, v with products alpha = u'u, beta = v'v,
gamma = u'v become orthogonal by the angle whose tangent is

    t = +-2 gamma / (|beta - alpha| + sqrt((beta - alpha)^2 + 4 gamma^2)),

the sign being that of beta - alpha, and a symmetric matrix gets a zero at (p, q) by the same, with
alpha, beta, gamma = A_pp, A_qq, A_pq. Both are as accurate as LAPACK's; for more than a few dozen
columns they are slow.

>>> values, vectors = eigh(np.array([[2.0, 1.0], [1.0, 2.0]]))
>>> values.round(12).tolist()
[1.0, 3.0]
"""

import numpy as np

SWEEPS = 60
EPSILON = float(np.finfo(np.float64).eps)


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The matrix product `(..., n, m)` of a `(..., n, k)` with b `(..., k, m)`."""
    return np.einsum("...ik,...kj->...ij", a, b)


def within(w: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """W' M W `(r, r)` of W `(n, r)` and M `(n, n)`."""
    return product(product(w.T, matrix), w)


def whitening(rows: np.ndarray, flat: float) -> tuple[np.ndarray, np.ndarray]:
    """The mean `(F,)` of rows `(N, F)` and W `(F, Z)` that makes them uncorrelated with unit variance.

    Directions with less than `flat` of the largest variance are dropped: all, where nothing varies or something is no number.
    """
    mean = rows.mean(axis=0)
    values, vectors = eigh(np.cov(rows, rowvar=False).reshape(len(mean), -1))
    kept = values > max(flat * values[-1], 1e-24)
    if not np.isfinite(values).all():
        kept[:] = False
    return mean, vectors[:, kept] / np.sqrt(values[kept])


def applied(matrix: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """The rows of vectors `(..., k)`, each times matrix `(k, m)`, `(..., m)`."""
    return np.einsum("...k,km->...m", vectors, matrix)


def covariance(rows: np.ndarray) -> np.ndarray:
    """The unbiased covariance `(Z, Z)` of rows `(N, Z)`."""
    centred = rows - rows.mean(axis=0)
    return np.einsum("ni,nj->ij", centred, centred) / (len(rows) - 1)


def eigh(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues `(n,)`, ascending, and eigenvectors, columns of `(n, n)`, of a symmetric matrix."""
    a, v = np.array(matrix, dtype=np.float64), np.eye(len(matrix))
    a = (a + a.T) / 2
    for _ in range(SWEEPS):
        turned = [_turn_matrix(a, v, p, q) for p, q in _pairs(len(a))]
        if not any(turned):
            break
    order = np.argsort(np.diagonal(a), kind="stable")
    return np.diagonal(a)[order], v[:, order]


def eigvalsh(matrix: np.ndarray) -> np.ndarray:
    """Eigenvalues `(n,)`, ascending, of a symmetric matrix."""
    return eigh(matrix)[0]


def lstsq(a: np.ndarray, b: np.ndarray, rcond: float) -> np.ndarray:
    """The shortest x `(B, ...)` with the least |a x - b|, for a `(N, B)` and b `(N, ...)`.

    Singular values below `rcond` times the largest count as zero.
    """
    tall = a.shape[0] >= a.shape[1]
    u, v = _orthogonal(a if tall else a.T)
    squares = (u**2).sum(axis=0)
    kept = squares > rcond**2 * squares.max(initial=0.0)
    left, right = (u, v) if tall else (v, u)
    along = np.einsum("nk,n...->k...", left[:, kept], b)
    return np.einsum("bk,k...->b...", right[:, kept] / squares[kept], along)


def _orthogonal(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """U `(N, B)` of orthogonal columns and an orthogonal V `(B, B)` with U = a V."""
    u, v = np.array(a, dtype=np.float64), np.eye(a.shape[1])
    nothing = EPSILON**2 * (u**2).sum()
    for _ in range(SWEEPS):
        turned = [_turn_columns(u, v, p, q, nothing) for p, q in _pairs(u.shape[1])]
        if not any(turned):
            break
    return u, v


def _pairs(n: int) -> list[tuple[int, int]]:
    return [(p, q) for p in range(n) for q in range(p + 1, n)]


def _turn_matrix(a: np.ndarray, v: np.ndarray, p: int, q: int) -> bool:
    """One rotation of a symmetric matrix and of its vectors, in place; False where it is zero already."""
    if abs(a[p, q]) <= EPSILON * np.sqrt(abs(a[p, p] * a[q, q])) or a[p, q] == 0:
        return False
    c, s = _angle(a[p, p], a[q, q], a[p, q])
    _rotate(a, p, q, c, s)
    _rotate(a.T, p, q, c, s)
    _rotate(v, p, q, c, s)
    a[p, q] = a[q, p] = 0.0
    return True


def _turn_columns(u: np.ndarray, v: np.ndarray, p: int, q: int, nothing: float) -> bool:
    """One rotation of two columns, in place; False where they are orthogonal, or one is nothing."""
    alpha, beta, gamma = (u[:, p] ** 2).sum(), (u[:, q] ** 2).sum(), (u[:, p] * u[:, q]).sum()
    if abs(gamma) <= EPSILON * np.sqrt(alpha * beta) or min(alpha, beta) <= nothing:
        return False
    c, s = _angle(alpha, beta, gamma)
    _rotate(u, p, q, c, s)
    _rotate(v, p, q, c, s)
    return True


def _angle(alpha: float, beta: float, gamma: float) -> tuple[float, float]:
    """Cosine and sine of the rotation that makes gamma zero."""
    difference = beta - alpha
    t = 2 * gamma / (abs(difference) + np.sqrt(difference**2 + 4 * gamma**2))
    t = t if difference >= 0 else -t
    c = 1 / np.sqrt(1 + t * t)
    return c, c * t


def _rotate(m: np.ndarray, p: int, q: int, c: float, s: float) -> None:
    old = m[:, p].copy()
    m[:, p], m[:, q] = c * old - s * m[:, q], s * old + c * m[:, q]
