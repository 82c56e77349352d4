r"""Matched filters: what whitened strain in two detectors says of a signal whose masses and time are not known.

With a complex filter T_m of unit power and the delay tau_d of each detector,

    u_d(m, t) = sum_f x_d(f) T_m(f)^* exp(2 pi i f (t + tau_d)),

log p(x | amplitudes a, m, t) = Re sum_d a_d^* u_d - 1/2 sum_d |a_d|^2 up to c(x) (Cutler & Flanagan 1994, gr-qc/9402014). The
amplitudes a = rho(m) F A have two complex unknowns, the polarisations A, seen through the response F `(2, 2)`. Where A were
Gaussian of variance 1 / lambda, the weight of a filter and a time would be exp(1/2 u' F (F'F + lambda)^-1 F' u); averaged with
these weights,

    Q_de = <u_d u_e^*>,    <ln rho>,    Var(ln rho)

are what is kept of the strain: the phase is gone, and masses and time are marginalised (`marginal` does the rest).
"""

import numpy as np
import torch
from torch import Tensor, nn

from . import population, waveform

MASSES, RATIOS = 0.015, 2
"""The filters' spacing in ln Mc, and how many ratios of masses."""
TIMES, SLACK = 0.00025, 0.003
"""The spacing of times, and how far beyond the window a filter of other masses may find the signal [s]."""
AT_ONCE = 8


class Filters(nn.Module):
    """Whitened strain to quadratics of matched filters; nothing of it is trained.

    Arguments:
        spacing: Of the filters in ln Mc.
        ratios: How many ratios of masses.
        times: The spacing of times [s].
    """

    fourier: Tensor
    real: Tensor
    imaginary: Tensor
    shift: Tensor
    frequencies: Tensor
    log_mass: Tensor
    log_weight: Tensor
    log_rho: Tensor

    def __init__(self, spacing: float = MASSES, ratios: int = RATIOS, times: float = TIMES):
        super().__init__()
        grid, (eta, weight) = population.masses(spacing), population.ratios(ratios)
        log_mass, eta = (a.reshape(-1) for a in np.meshgrid(grid, eta, indexing="ij"))
        made = waveform.templates(np.exp(log_mass), eta)
        rho = np.sqrt((np.abs(made) ** 2).sum(1))
        made = made / rho[:, None]
        reach = population.WINDOW + SLACK
        at = np.linspace(-reach, reach, 1 + round(2 * reach / times))
        n = np.arange(waveform.SAMPLES)
        down = np.exp(-2j * np.pi * np.outer(n, waveform.BAND) / waveform.SAMPLES)
        shift = np.exp(2j * np.pi * np.outer(waveform.FREQUENCIES, at))
        constants = {
            "fourier": np.hstack([down.real, down.imag]) / np.sqrt(waveform.SAMPLES / 2),
            "real": made.real, "imaginary": made.imag,
            "shift": np.block([[shift.real, shift.imag], [-shift.imag, shift.real]]),
            "frequencies": waveform.FREQUENCIES, "log_mass": log_mass, "log_rho": np.log(rho),
            "log_weight": np.log(np.tile(weight, len(grid))),
        }  # fmt: skip
        for name, values in constants.items():
            self.register_buffer(name, torch.tensor(values))

    def forward(
        self, strain: Tensor, delay: Tensor, weighing: Tensor, z: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The averages over masses and times.

        Arguments:
            strain: Whitened `(N, 2, SAMPLES)`.
            delay: After the Earth's centre `(N, 2)` [s].
            weighing: F (F'F + lambda)^-1 F' `(N, 3)`: its elements 11, 22 and 12.
            z: The host's redshift `(N,)`.

        Returns:
            Q `(N, 4)`: Q_11, Q_22, and the real and imaginary parts of Q_12. The mean and the variance of ln rho, each `(N,)`.
        """
        x, y = self.modes(strain, delay)
        told = (self.log_mass - torch.log1p(z)[:, None] - population.MASS) / population.SPREAD
        prior = self.log_weight - 0.5 * told * told
        sizes, means = [], []
        for low in range(0, len(self.log_mass), AT_ONCE):
            part = slice(low, low + AT_ONCE)
            quadratics = self.quadratics(x, y, part)
            weight = 0.5 * sum(
                w[:, None, None] * q * twice
                for w, q, twice in zip(weighing.T, quadratics, (1, 1, 2), strict=False)
            )
            weight = (weight + prior[:, part, None]).flatten(1)
            size = torch.logsumexp(weight, 1)
            share = torch.exp(weight - size[:, None])
            rho = self.log_rho[part, None].expand(-1, self.shift.shape[1] // 2).reshape(1, -1)
            kept = [q.flatten(1) for q in quadratics] + [rho, rho * rho]
            sizes.append(size)
            means.append(torch.stack([(share * k).sum(1) for k in kept], 1))
        share = torch.softmax(torch.stack(sizes, 1), 1)
        mean = (share[:, :, None] * torch.stack(means, 1)).sum(1)
        spread = torch.clamp(mean[:, 5] - mean[:, 4] * mean[:, 4], min=0.0)  # rounding may go below
        return mean[:, :4], mean[:, 4], spread

    def loudest(self, strain: Tensor, delay: Tensor) -> Tensor:
        """The largest network signal-to-noise ratio `(N,)` over masses and times."""
        x, y = self.modes(strain, delay)
        found = []
        for low in range(0, len(self.log_mass), AT_ONCE):
            q11, q22, *_ = self.quadratics(x, y, slice(low, low + AT_ONCE))
            found.append((q11 + q22).amax((1, 2)))
        return torch.sqrt(torch.stack(found).amax(0))

    def modes(self, strain: Tensor, delay: Tensor) -> tuple[Tensor, Tensor]:
        """Real and imaginary parts of the band `(N, 2, B)`, as they would be had both detectors been in the Earth's centre."""
        x, y = (strain @ self.fourier).split(len(self.frequencies), dim=2)
        angle = 2 * np.pi * delay[:, :, None] * self.frequencies
        cos, sin = torch.cos(angle), torch.sin(angle)
        return x * cos - y * sin, x * sin + y * cos

    def quadratics(self, x: Tensor, y: Tensor, part: slice) -> list[Tensor]:
        """u_d u_e^* `(N, m, t)` of some filters: 11, 22, and the real and imaginary parts of 12."""
        real, imaginary = self.real[part], self.imaginary[part]
        a = x[:, :, None] * real + y[:, :, None] * imaginary
        b = y[:, :, None] * real - x[:, :, None] * imaginary
        u = torch.cat([a, b], 3) @ self.shift
        (a1, a2), (b1, b2) = (half.unbind(1) for half in u.split(self.shift.shape[1] // 2, dim=3))
        return [a1 * a1 + b1 * b1, a2 * a2 + b2 * b2, a1 * a2 + b1 * b2, b1 * a2 - a1 * b2]
