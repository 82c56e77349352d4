r"""What is learned from repetitions of a fusion: theta_hat, its widths, and how badly the truth fits.

In repetition j, drawn at theta_j,

    t   = 2 [max S - S(theta_j)]                                                  every parameter together,
    t_p = 2 [max S - max{S(theta): theta_p = theta_jp}]                           parameter p, the others profiled,
    Q   = 2 [sum_g max S_g - max S]                                               groups of terms, each on its own

are what critical values, audits and the law of the tension are made of. An ascent starts at the truth and at every mode
of the real data; a profile starts where the parabola at theta_hat_j has its ridge. Should a profile end higher than
the ascent did, its end is the maximum.

The sandwich covariance takes J from the scores of the N observations that the repetition has, as one must with real
data; a constraint, measured once, enters by its known variance.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..calibration.additive import Additive, listed
from ..calibration.sandwich import sandwich
from ..calibration.subspace import pseudo_inverse
from ..maximum.cube import Cube
from ..maximum.curvature import SHARE, curvature
from ..maximum.fit import Fit
from ..maximum.newton import Ascent, ascend
from ..numerics.clusters import cluster_covariance
from ..parameters import ParameterSpace
from ..scalar import Scalar, Sum
from ..scalar.jet import joined
from .repeated import Repeated


@dataclass(frozen=True, eq=False)
class Repetitions(Additive):
    """One repetition a row.

    Arguments:
        names: The D parameters.
        profiled: Those P of them that have a t of their own.
        theta, theta_hat: Truth and maximum `(n, D)`.
        joint: t `(n,)`.
        single: t_p `(n, P)`.
        converged: 1 where the ascent came to rest, else 0 `(n,)`.
    """

    names: tuple[str, ...]
    profiled: tuple[str, ...]
    theta: np.ndarray = listed()
    theta_hat: np.ndarray = listed()
    joint: np.ndarray = listed()
    single: np.ndarray = listed()
    converged: np.ndarray = listed()

    @property
    def off(self) -> np.ndarray:
        """theta_hat - theta `(n, D)`."""
        return self.theta_hat - self.theta


@dataclass(frozen=True, eq=False)
class Widths(Additive):
    """The errors that each repetition would quote.

    Arguments:
        std: From curvature `(n, D)`; zero where it says nothing, at a bound or in a blind direction.
        sandwich: From the sandwich `(n, D)`.
        curved, distance: (theta_hat - theta)' Cov^-1 (theta_hat - theta) with either covariance `(n,)`.
    """

    std: np.ndarray = listed()
    sandwich: np.ndarray = listed()
    curved: np.ndarray = listed()
    distance: np.ndarray = listed()


def profiled(fit: Fit) -> tuple[str, ...]:
    """The parameters along which the real data's S is not flat; one at a bound is among them, as t needs no curvature."""
    shared = (fit.null_space.abs() > SHARE).any(dim=0).tolist()
    return tuple(name for name, flat in zip(fit.space.names, shared, strict=True) if not flat)


def climb(S: Sum, theta: np.ndarray, modes: Tensor) -> Ascent:
    """max S of J repetitions, from their truths `(J, D)` and from each of `modes (K, D)`."""
    starts = [torch.as_tensor(theta), *(mode.expand(len(theta), -1) for mode in modes)]
    return highest(S, starts, len(theta))


def statistics(S: Sum, theta: np.ndarray, names: tuple[str, ...], top: Ascent) -> Repetitions:
    """t, and the t_p of the named parameters, of J repetitions whose maxima are `top`."""
    with torch.no_grad():
        at_truth = S.values(torch.as_tensor(theta))
    ends = [held_at_truth(S, theta, name, top) for name in names]
    everything = best(join([top, *ends]), len(theta))
    single = [2 * (everything.jet.value - end.jet.value) for end in ends]
    joint = 2 * (everything.jet.value - at_truth)
    columns = torch.stack(single, dim=1) if single else joint[:, None][:, :0]
    arrays = (everything.theta, joint, columns, everything.converged)
    return Repetitions(S.space.names, names, theta, *(a.numpy() for a in arrays))


def held_at_truth(S: Sum, theta: np.ndarray, name: str, top: Ascent) -> Ascent:
    """max S with one parameter at its true value in each of J repetitions."""
    p = S.space.index([name])[0]
    value = torch.as_tensor(theta)[:, p]
    cube = Cube(S)
    curved = -top.jet.hessian * cube.width[:, None] * cube.width
    covariance = torch.linalg.pinv(curved, hermitian=True)
    ridge = covariance[:, p] / covariance[:, p, p][:, None]
    ridge = torch.nan_to_num(ridge, posinf=0.0, neginf=0.0)
    step = (value - top.theta[:, p]) / cube.width[p]
    at = cube.theta((cube.unit(top.theta) + ridge * step[:, None]).clamp(0, 1))
    at[:, p] = value
    return ascend(S, at, free(S, p), hessian=top.jet.hessian, curved=False)


def widths(S: Sum, theta: np.ndarray, top: Ascent) -> Widths:
    """Curvature and sandwich of J repetitions."""
    variances = [_variance(S.space, top[i : i + 1]) for i in range(len(theta))]
    information = -top.jet.hessian.numpy()
    pairs = zip(information, variability(S, top.theta), strict=True)
    covariances = [sandwich(H, J) for H, J in pairs]
    off = top.theta.numpy() - theta
    curved = [d @ H @ d for d, H in zip(off, information, strict=True)]
    distance = [d @ pseudo_inverse(c) @ d for d, c in zip(off, covariances, strict=True)]
    return Widths(
        torch.stack(variances).sqrt().numpy(),
        np.sqrt(np.diagonal(covariances, axis1=1, axis2=2)),
        np.array(curved),
        np.array(distance),
    )


def variability(S: Sum, theta: Tensor) -> np.ndarray:
    """J of S `(B, D, D)` at theta `(B, D)`: of its observations' scores, and what is known of its constraints."""
    D = len(S.space)
    scores, known = [], np.zeros((D, D))
    for part, columns in zip(S.parts, S.columns, strict=True):
        if isinstance(part.bare, Repeated):
            each = torch.zeros(len(theta), part.n, D, dtype=torch.float64)
            each[:, :, columns] = float(part.weight) * part.bare.each_score(theta[:, columns])
            scores.append(each)
        else:
            known[np.ix_(columns, columns)] += part.variability(theta[0, columns])
    return np.stack([cluster_covariance(g) + known for g in torch.cat(scores, dim=1).numpy()])


def tension(S: Sum, groups: dict[str, list[str]], top: Ascent, theta: np.ndarray) -> np.ndarray:
    """Q `(J,)` of groups of terms, each given by the names of its terms."""
    total = np.zeros(len(theta))
    for names in groups.values():
        part = S.only(names)
        own = S.space.index(part.space.names)
        starts = [torch.as_tensor(theta)[:, own], top.theta[:, own]]
        total += highest(part, starts, len(theta), curved=False).jet.value.numpy()
    return np.maximum(2 * (total - top.jet.value.numpy()), 0.0)


def highest(S: Sum, starts: list[Tensor], J: int, curved: bool = True) -> Ascent:
    """The highest end of ascents from each of K starts `(J, D)` of J repetitions, with its Hessian if `curved`."""
    again = S.rows(torch.arange(J).repeat(len(starts)))
    return best(ascend(again, torch.cat(starts), curved=curved), J)


def free(S: Scalar, *held: int) -> Tensor:
    """Which coordinates an ascent may move: all but those held."""
    out = torch.ones(len(S.space), dtype=torch.bool)
    out[[*held]] = False
    return out


def best(ascent: Ascent, J: int) -> Ascent:
    """The highest of several ascents `(K J,)` of each of J repetitions."""
    return ascent[ascent.jet.value.reshape(-1, J).argmax(dim=0) * J + torch.arange(J)]


def join(ascents: list[Ascent]) -> Ascent:
    """Ascents one after the other."""
    jet = joined(a.jet for a in ascents)
    theta, pinned, converged = (
        torch.cat([getattr(a, k) for a in ascents]) for k in ("theta", "pinned", "converged")
    )
    return Ascent(theta, jet, pinned, converged, sum(a.evaluations for a in ascents))


def _variance(space: ParameterSpace, one: Ascent) -> Tensor:
    found = curvature(space, one.jet.hessian[0], one.pinned[0])
    return torch.where(found.identified, found.covariance.diagonal(), 0.0)
