"""theta_hat of many data sets at once: Newton ascent of a sum of psi over the observations of each.

A step follows the eigenvectors of the curvature, uphill along every one of them; it stays in the cube, and is halved
for a data set that it made worse. psi may be any head, a learned one or the exact likelihood.
"""

import torch
from torch import Tensor

from addend.heads import Head

CHUNK = 50_000


class Psi:
    """A head behind a fixed standardisation of z, as a function of z `(M, N, Z)` and phi `(M, K)`."""

    def __init__(
        self, head: Head, centre: Tensor, scale: Tensor, dtype: torch.dtype = torch.float32
    ):
        self.head, self.centre, self.scale, self.dtype = (
            head.to(dtype).eval().requires_grad_(False),
            centre,
            scale,
            dtype,
        )

    def __call__(self, z: Tensor, phi: Tensor) -> Tensor:
        """The sum over observations `(M,)` in nats, float64, differentiable in phi."""
        z = self.z(z)
        return self.head(z, z[..., :0], phi[:, None].to(self.dtype)).sum(1, dtype=torch.float64)

    def z(self, z: Tensor) -> Tensor:
        """The standardised z."""
        return ((z - self.centre) / self.scale).to(self.dtype)


def estimate(psi: Psi, z: Tensor, truth: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
    """theta_hat `(M, K)` as phi, and 2 [S(theta_hat) - S(truth)] `(M,)`, of data sets z `(M, N, Z)`."""
    found = [
        _newton(psi, z[i], truth[i], start[i])
        for i in torch.arange(len(z)).split(max(1, CHUNK // z.shape[1]))
    ]
    return torch.cat([f[0] for f in found]), torch.cat([f[1] for f in found])


def _newton(
    psi: Psi, z: Tensor, truth: Tensor, start: Tensor, steps: int = 12
) -> tuple[Tensor, Tensor]:
    """Newton ascent of every data set at once, each step kept in the cube and halved for those it made worse."""
    phi, value = start.clone(), torch.full((len(z),), -torch.inf, dtype=torch.float64)
    best, step = phi, torch.zeros_like(phi)
    for _ in range(steps):
        phi = (best + step).clamp(-1, 1).requires_grad_(True)
        s = psi(z, phi)
        gradient = torch.autograd.grad(s.sum(), phi, create_graph=True)[0]
        rows = [torch.autograd.grad(g.sum(), phi, retain_graph=True)[0] for g in gradient.unbind(1)]
        improved = s.detach() >= value - 1e-7 * value.abs().clamp(max=1e9)
        value = torch.where(improved, s.detach(), value)
        best = torch.where(improved[:, None], phi.detach(), best)
        step = torch.where(
            improved[:, None], _ascent(gradient.detach(), torch.stack(rows, 1)), step / 2
        )
        if float((step.abs() / _error(torch.stack(rows, 1))).max()) < 1e-3:
            break
    with torch.no_grad():
        return best, 2 * (psi(z, best) - psi(z, truth))


def _ascent(gradient: Tensor, hessian: Tensor) -> Tensor:
    """Newton's step with the curvature's eigenvalues made positive, no longer than half the cube."""
    size, basis = torch.linalg.eigh(-hessian)
    step = (
        basis @ ((basis.mT @ gradient[..., None])[..., 0] / size.abs().clamp(min=1e-9))[..., None]
    )[..., 0]
    return step * (0.5 / step.norm(dim=1, keepdim=True)).clamp(max=1)


def _error(hessian: Tensor) -> Tensor:
    return hessian.diagonal(dim1=1, dim2=2).abs().clamp(min=1e-9).rsqrt()
