r"""The likelihood of a distance: inclination, polarisation and phase marginalised, and divided by how often one is detected.

    a_d = rho / d [ F+_d(psi) (1 + cos^2 iota) / 2 + i Fx_d(psi) cos iota ]
    L(d) = << I_0( |sum_d a_d^* u_d| ) exp(-1/2 sum_d |a_d|^2) >>,       |sum_d a_d^* u_d|^2 = a' Q a

averaged over psi and cos iota by quadrature at Chebyshev's nodes in ln d. What moves ln d, the spread of ln rho and the host's
peculiar velocity, is averaged over by nodes of Gauss and Hermite between them. psi = log L - log P_det, with the probability that
an event at d is detected,

    P_det(d) = << Phi( sqrt(sum_d |a_d|^2 + LIFT) - 8 ) >>

since the loudest of many filters finds somewhat more than the signal's own ratio.
"""

import numpy as np
import torch
from torch import Tensor, nn

from addend.numerics import chebyshev

from . import population, waveform
from .bessel import log_i0
from .detectors import LIGHT

ANGLES, COSINES, NODES = 32, 64, 32
HERMITE = 5
"""Nodes, an odd number, in each normal law that is averaged over."""
COARSE = 16
"""Nodes in each for the probability of detection, which is smooth."""
LIFT = 3.5
"""By how much the square of the loudest filter's ratio is larger: what 440,000 simulated events say, detected or not."""
REACH = (-0.6, 0.7)
"""ln of the distance over `reference`, at the ends of what is tabulated."""


def reference(z: Tensor) -> Tensor:
    """A distance of about the right size [Gpc]: H0 = 70 km/s/Mpc and q0 = -0.55, to second order in z."""
    return LIGHT / 1e6 / 70.0 * z * (1 + 0.775 * z)


def moved(z: Tensor, z_err: Tensor) -> Tensor:
    """By how much the error of a host's redshift moves ln d."""
    return z_err * (1 / z + 0.775 / (1 + 0.775 * z))


def unit(log_far: Tensor) -> Tensor:
    """ln of a distance over `reference`, where `REACH` is [-1, 1]."""
    return (2 * log_far - REACH[0] - REACH[1]) / (REACH[1] - REACH[0])


def series(coefficients: Tensor, t: Tensor) -> Tensor:
    """sum_{k > 0} a_k T_k(t) `(N, *)` of a_1, a_2, ... `(N, n - 1)` at t `(N, *)`, from the last down (Clenshaw 1955)."""
    after = beyond = torch.zeros_like(t)
    for k in reversed(range(coefficients.shape[1])):
        after, beyond = coefficients[:, k, None] + 2 * t * after - beyond, after
    return t * after - beyond


class Chebyshev(nn.Module):
    """Functions of ln d, known at their nodes.

    Arguments:
        n: How many nodes.
    """

    nodes: Tensor
    project: Tensor

    def __init__(self, n: int):
        super().__init__()
        at = REACH[0] + (REACH[1] - REACH[0]) * (chebyshev.nodes(n) + 1) / 2
        self.register_buffer("nodes", at)
        self.register_buffer("project", chebyshev.transform(n).T.contiguous())

    def forward(self, values: Tensor) -> Tensor:
        """Coefficients `(N, n)` of values at the nodes `(N, n)`."""
        return values @ self.project

    def between(self, coefficients: Tensor, at: Tensor) -> Tensor:
        """The functions `(N, *)` at ln d `(N, *)`, held at the ends."""
        return coefficients[:, :1] + series(coefficients[:, 1:], torch.clamp(unit(at), -1.0, 1.0))


class Orientations(nn.Module):
    """Polarisation angles and inclinations, by quadrature.

    Arguments:
        angles, cosines: Nodes in the polarisation angle and in cos iota.
    """

    turned: Tensor
    along: Tensor
    across: Tensor
    log_weight: Tensor

    def __init__(self, angles: int, cosines: int):
        super().__init__()
        # a quarter of a turn of the angle is half a turn of the phase, which is averaged anyway
        psi = np.pi / 2 * np.arange(angles) / angles
        cosine, weight = np.polynomial.legendre.leggauss(cosines)
        constants = {
            "turned": np.stack([np.cos(2 * psi), np.sin(2 * psi)]),
            "along": (1 + cosine**2) / 2, "across": cosine,
            "log_weight": np.tile(np.log(weight / weight.sum() / angles), angles),
        }  # fmt: skip
        for name, values in constants.items():
            self.register_buffer(name, torch.tensor(values))

    def forward(self, plus: Tensor, cross: Tensor) -> tuple[Tensor, Tensor]:
        """Real and imaginary parts of a_d d / rho `(N, O, 2)`, of F+ and Fx `(N, 2)` at an angle of zero."""
        cos, sin = (t[None, :, None] for t in self.turned)
        p = plus[:, None] * cos + cross[:, None] * sin
        c = cross[:, None] * cos - plus[:, None] * sin
        return (
            (p[:, :, None] * self.along[:, None]).flatten(1, 2),
            (c[:, :, None] * self.across[:, None]).flatten(1, 2),
        )


class Marginal(nn.Module):
    """Quadratics of matched filters to psi as a function of ln d.

    Arguments:
        angles, cosines: Nodes in the polarisation angle and in cos iota.
        nodes: Distances.
    """

    hermite: Tensor
    log_hermite: Tensor
    level: Tensor

    def __init__(self, angles: int = ANGLES, cosines: int = COSINES, nodes: int = NODES):
        super().__init__()
        self.curve = Chebyshev(nodes)
        self.fine, self.coarse = Orientations(angles, cosines), Orientations(COARSE, COARSE)
        x, w = np.polynomial.hermite_e.hermegauss(HERMITE)
        self.register_buffer("hermite", torch.tensor(x))
        self.register_buffer("log_hermite", torch.tensor(np.log(w / w.sum())))
        grid = np.linspace(np.log(15), np.log(60), 33)
        level = np.polynomial.Chebyshev.fit(
            grid, np.log(waveform.loudness(np.exp(grid), np.full(33, 0.245))), 6
        )
        power = level.convert(kind=np.polynomial.Polynomial)
        self.register_buffer("level", torch.tensor(power.coef[::-1].copy()))

    def forward(
        self,
        q: Tensor,
        rho: Tensor,
        variance: Tensor,
        plus: Tensor,
        cross: Tensor,
        z: Tensor,
        z_err: Tensor,
    ) -> Tensor:
        """The coefficients of psi `(N, NODES)` in nats.

        Arguments:
            q: Quadratics `(N, 4)`.
            rho, variance: Mean and variance of ln rho, each `(N,)`.
            plus, cross: F+ and Fx `(N, 2)` at a polarisation angle of zero.
            z, z_err: The host's redshift and its error `(N,)`.
        """
        likely = self.likely(q, rho, variance + moved(z, z_err) ** 2, plus, cross, z)
        found: Tensor = self.curve(likely - self.selected(plus, cross, z, z_err))
        return found

    def likely(
        self, q: Tensor, rho: Tensor, variance: Tensor, plus: Tensor, cross: Tensor, z: Tensor
    ) -> Tensor:
        """log L `(N, nodes)` in nats; `variance` is that of all that moves ln d."""
        seen = self.fine(plus, cross)
        heard = self.heard(q, seen, rho - torch.log(reference(z)))
        return self.averaged(heard, torch.sqrt(variance)[:, None] * self.hermite, self.log_hermite)

    def selected(self, plus: Tensor, cross: Tensor, z: Tensor, z_err: Tensor) -> Tensor:
        """log P_det `(N, nodes)`, over the law of masses too."""
        mass = population.MASS + population.SPREAD * self.hermite + torch.log1p(z)[:, None]
        level = torch.zeros_like(mass)
        for c in self.level:
            level = level * mass + c
        middle = level[:, HERMITE // 2]
        seen = self.coarse(plus, cross)
        detected = self.detected(seen, middle - torch.log(reference(z)))
        moving = moved(z, z_err)[:, None, None] * self.hermite
        shifts = ((level - middle[:, None])[:, :, None] + moving).flatten(1)
        return self.averaged(
            detected, shifts, (self.log_hermite[:, None] + self.log_hermite).flatten()
        )

    def averaged(self, values: Tensor, shifts: Tensor, log_weights: Tensor) -> Tensor:
        """log of the mean of exp(values) `(N, nodes)` over shifts of ln rho `(N, G)`."""
        coefficients = self.curve(values)
        at = self.curve.nodes[None, :, None] - shifts[:, None, :]
        found = self.curve.between(coefficients, at.flatten(1)).reshape(at.shape)
        return torch.logsumexp(found + log_weights, 2)

    def heard(self, q: Tensor, seen: tuple[Tensor, Tensor], loud: Tensor) -> Tensor:
        """log L `(N, nodes)` in nats, at ln rho less the logarithm of `reference` `(N,)`."""
        q11, q22, re, im = (part[:, None] for part in q.T)
        (p1, p2), (c1, c2) = (part.unbind(2) for part in seen)
        s1, s2 = p1 * p1 + c1 * c1, p2 * p2 + c2 * c2
        both = re * (p1 * p2 + c1 * c2) + im * (c1 * p2 - p1 * c2)
        coherent = torch.clamp(s1 * q11 + s2 * q22 + 2 * both, min=0.0)
        power = 0.5 * (s1 + s2)
        found = []
        for node in self.curve.nodes:
            square = torch.exp(2 * (loud - node))[:, None]
            found.append(
                torch.logsumexp(
                    log_i0(square * coherent) - square * power + self.fine.log_weight, 1
                )
            )
        return torch.stack(found, 1)

    def detected(self, seen: tuple[Tensor, Tensor], loud: Tensor) -> Tensor:
        """log P_det `(N, nodes)` of one mass."""
        (p, c), found = seen, []
        power = (p * p + c * c).sum(2)
        for node in self.curve.nodes:
            ratio = torch.sqrt(torch.exp(2 * (loud - node))[:, None] * power + LIFT)
            rate = torch.clamp(
                0.5 * torch.erf((ratio - population.THRESHOLD) / np.sqrt(2)) + 0.5, min=1e-12
            )
            found.append(torch.logsumexp(torch.log(rate) + self.coarse.log_weight, 1))
        return torch.stack(found, 1)
