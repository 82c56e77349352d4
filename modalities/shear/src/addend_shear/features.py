"""Summaries of a map: log band powers, and how skewed the map is when it is smoothed.

The Fourier transform is a product with matrices, so that the network is made of operations that a program may hold. A Gaussian
field says everything in its powers; a log-normal one has more in its one-point law (methods D4).
"""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

BANDS, SCALES = 10, (2.0, 4.0)
"""Band powers, and radii of smoothing [pixels]."""
SMALL = 1e-6


class Spectrum(nn.Module):
    """x `(N, side^2)` and c `(N, side^2)`, the map and its mask -> summaries `(N, width)`; it has no weights.

    Arguments:
        ell: |l| of the modes `(side, side)`.
    """

    across: Tensor
    down: Tensor
    share: Tensor
    smooth: Tensor

    def __init__(self, ell: np.ndarray):
        super().__init__()
        self.side = len(ell)
        half = self.side // 2 + 1
        wave = np.exp(-2j * np.pi * np.outer(*[np.arange(self.side)] * 2) / self.side) / np.sqrt(
            self.side
        )
        member = _bands(ell[:, :half])
        twice = np.where(
            np.isin(np.arange(half), [0, self.side // 2]), 1, 2
        )  # of a real map, half the modes are enough
        weight = member * np.tile(twice, self.side)[:, None]
        self.bands = member.shape[1]
        buffers = {
            "across": np.concatenate([wave.real[:, :half], wave.imag[:, :half]], 1),
            "down": np.stack([wave.real, wave.imag]), "share": weight / weight.sum(0),
            "smooth": np.stack([_smoothing(self.side, r) for r in SCALES]),
        }  # fmt: skip
        for name, values in buffers.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32))
        self.width = self.bands + len(SCALES)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """Log band powers, and the skewness of each smoothed map."""
        share, pixels = c.mean(1, keepdim=True), self.side * self.side
        m = (x * c).reshape(-1, self.side, self.side)
        rows = m @ self.across
        (real, imag), half = (wave @ rows for wave in self.down), self.side // 2 + 1
        a = real[:, :, :half] - imag[:, :, half:]
        b = real[:, :, half:] + imag[:, :, :half]
        powers = (a * a + b * b).reshape(-1, self.side * half) @ self.share
        found = [torch.log(powers / share + SMALL)]
        level = m.mean((1, 2)).reshape(-1, 1)
        for filtered in self.smooth:
            y = (filtered @ m @ filtered).reshape(-1, pixels) - level
            square = y * y
            variance = square.mean(1, keepdim=True) + SMALL
            found.append((square * y).mean(1, keepdim=True) / (variance * torch.sqrt(variance)))
        return torch.cat(found, dim=1)


def _bands(ell: np.ndarray) -> np.ndarray:
    """Which modes are in which band `(modes, bands)`, bands evenly spaced in log l; none without modes."""
    edges = np.geomspace(ell[ell > 0].min() * 0.999, ell.max() * 1.001, BANDS + 1)
    member = np.stack([((ell >= a) & (ell < b)).reshape(-1) for a, b in pairwise(edges)], 1)
    return member[:, member.any(0)].astype(float)


def _smoothing(side: int, radius: float) -> np.ndarray:
    """The matrix `(side, side)` that smooths a periodic row with a Gaussian of that radius."""
    k = 2 * np.pi * np.fft.fftfreq(side)
    kernel = np.fft.ifft(np.exp(-0.5 * (k * radius) ** 2)).real
    i = np.arange(side)
    return kernel[(i[:, None] - i[None, :]) % side]
