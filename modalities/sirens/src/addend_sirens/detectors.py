r"""The two LIGO detectors: where they are, how their arms lie, and a design sensitivity.

Positions and arms are those of the Earth-fixed frame of LIGO-T980044 as LALSuite has them (`LALDetectors.h`). The noise is the
fit to advanced LIGO's design of Sathyaprakash & Schutz 2009 (arXiv:0903.0338, table 1),

    S(f) = 1e-49 / Hz [ x^-4.14 - 5 x^-2 + 111 (1 - x^2 + x^4 / 2) / (1 + x^2 / 2) ],      x = f / 215 Hz.
"""

import numpy as np
import torch
from torch import Tensor

LIGHT = 299_792_458.0
"""The speed of light [m / s]."""
DETECTORS = ("H1", "L1")
POSITIONS = np.array(
    [
        [-2161414.92636, -3834695.17889, 4600350.22664],
        [-74276.0447238, -5496283.71971, 3224257.01744],
    ]
)
"""From the centre of the Earth [m]."""
ARMS = np.array(
    [
        [[-0.22389266154, 0.79983062746, 0.55690487831], [-0.91397818574, 0.02609403989, -0.40492342125]],
        [[-0.95457412153, -0.14158077340, -0.26218911324], [0.29774156894, -0.48791033647, -0.82054461286]],
    ]
)  # fmt: skip
"""Unit vectors along the x and the y arm of each."""
TENSORS = 0.5 * (
    np.einsum("di,dj->dij", ARMS[:, 0], ARMS[:, 0])
    - np.einsum("di,dj->dij", ARMS[:, 1], ARMS[:, 1])
)


def noise(f: np.ndarray) -> np.ndarray:
    """The one-sided power spectral density S(f) [1 / Hz] at frequencies above 20 Hz."""
    x = f / 215.0
    return 1e-49 * (x**-4.14 - 5 * x**-2 + 111 * (1 - x**2 + x**4 / 2) / (1 + x**2 / 2))


def response(longitude: Tensor, latitude: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What a plane wave from a direction does in each detector.

    Arguments:
        longitude, latitude: The source in the Earth-fixed frame when the wave arrives `(N,)` [rad].

    Returns:
        F_plus and F_cross `(N, 2)` at a polarisation angle of zero, in LALSuite's convention, and the arrival after that at the
        centre of the Earth `(N, 2)` [s].
    """
    sin, cos = torch.sin(longitude), torch.cos(longitude)
    up, out = torch.sin(latitude), torch.cos(latitude)
    east = torch.stack([-sin, cos, torch.zeros_like(sin)], 1)
    north = torch.stack([-up * cos, -up * sin, out], 1)
    source = torch.stack([out * cos, out * sin, up], 1)
    plus, cross = [], []
    for tensor in TENSORS:
        d = torch.as_tensor(tensor).to(east)
        ee, nn, en = ((a @ d * b).sum(1) for a, b in ((east, east), (north, north), (east, north)))
        plus.append(ee - nn)
        cross.append(-2 * en)
    delay = -(source @ torch.as_tensor(POSITIONS.T / LIGHT).to(source))
    return torch.stack(plus, 1), torch.stack(cross, 1), delay
