r"""Adam in the eigenbasis of the gradient's covariance: the optimiser of g_m. (SOAP: Vyas et al. 2024, arXiv:2409.11321.)

Of a matrix W of weights with gradient G, two small matrices are kept as running means,

    L = <G G^T>,        R = <G^T G>,        with eigenvectors Q_L, Q_R,

and Adam moves Q_L^T W Q_R instead of W: there the directions of W that the loss couples are separate, so each has a step of
its own. Vectors and anything else are moved by Adam itself. The eigenvectors follow by one step of orthogonal iteration, a QR
decomposition, every few steps.

A likelihood is a smooth function of few numbers, learned from as many rows as one likes: what limits it is how well it is
optimised. A third of the steps, and half of the time, gives a better encoder than Adam (docs/decisions/optimiser.md).
"""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import Parameter

from .states import moments, named, resume, under

KEPT = 0.9
"""Of the running means of G G^T and G^T G, which take in the gradient of one step in `OFTEN`."""
OFTEN, TURNED = 2, 10
"""Steps between two gradients that are taken in, and between two turns of the basis."""
LARGEST = 512
"""Of a side that is larger nothing is kept: its directions stay those of W."""


class Soap:
    """Moves weights downhill; `rate` may be set between steps.

    Arguments:
        weights: What is moved.
        rate: The learning rate.
        betas: Memory of the mean of the gradient, and of its square.
        eps: Added to the root of the latter.
    """

    def __init__(
        self,
        weights: Iterable[Parameter],
        rate: float,
        betas: tuple[float, float] = (0.95, 0.95),
        eps: float = 1e-8,
    ):
        weights = list(weights)
        self.matrices = [_Matrix(w, eps) for w in weights if w.ndim == 2 and min(w.shape) > 1]
        rest = [w for w in weights if w.ndim != 2 or min(w.shape) == 1]
        self.adam = (
            torch.optim.Adam(rest, lr=rate, betas=betas, eps=eps, fused=True) if rest else None
        )
        self.rate, self.betas, self.steps = rate, betas, 0

    @torch.no_grad()
    def step(self) -> None:
        """Move every weight once, by the gradient that it holds."""
        self.steps += 1
        if self.adam is not None:
            for group in self.adam.param_groups:
                group["lr"] = self.rate
            self.adam.step()
        for matrix in self.matrices:
            matrix.step(self.steps, self.rate, *self.betas)

    def state(self) -> dict[str, Tensor]:
        """All that it remembers, by name."""
        kept = {} if self.adam is None else named("adam.", moments(self.adam))
        for k, matrix in enumerate(self.matrices):
            kept |= named(f"{k}.", matrix.state())
        return kept

    def resume(self, steps: int, state: dict[str, Tensor]) -> None:
        """Go on after so many steps with what `state` gave."""
        self.steps = steps
        for k, matrix in enumerate(self.matrices):
            matrix.resume(under(f"{k}.", state))
        if self.adam is not None:
            resume(self.adam, under("adam.", state))


class _Matrix:
    """One matrix of weights `(m, n)`, in its basis."""

    def __init__(self, w: Parameter, eps: float):
        self.w, self.eps = w, eps
        self.sides = [_Side(n, w) if n <= LARGEST else None for n in w.shape]
        self.mean, self.square = torch.zeros_like(w), torch.zeros_like(w)

    def step(self, t: int, rate: float, memory: float, of_square: float) -> None:
        """The t-th step, from 1."""
        if self.w.grad is None:
            return
        g = self.w.grad
        if t % OFTEN == 1:
            self._take(g)
        if t % TURNED == 1:
            self._turn()
        turned = self._to(g)
        self.mean.lerp_(turned, 1 - memory)
        self.square.mul_(of_square).addcmul_(turned, turned, value=1 - of_square)
        size = self.square.sqrt().mul_((1 - of_square**t) ** -0.5).add_(self.eps)
        self.w.add_(self._back(self.mean / size), alpha=-rate / (1 - memory**t))

    def state(self) -> dict[str, Tensor]:
        """Its means, covariances and bases."""
        kept = {"mean": self.mean, "square": self.square}
        for d, side in enumerate(self.sides):
            if side is not None and side.known:
                kept |= {f"covariance{d}": side.covariance, f"basis{d}": side.basis}
        return kept

    def resume(self, state: dict[str, Tensor]) -> None:
        """Go on with what `state` gave."""
        self.mean, self.square = state["mean"], state["square"]
        for d, side in enumerate(self.sides):
            if side is not None and f"basis{d}" in state:
                side.covariance, side.basis = state[f"covariance{d}"], state[f"basis{d}"]
                side.known = True

    def _take(self, g: Tensor) -> None:
        for side, own in zip(self.sides, (g, g.T), strict=True):
            if side is not None:
                side.take(own @ own.T)

    def _turn(self) -> None:
        mean = self._back(self.mean)
        for side in self.sides:
            if side is not None:
                side.turn()
        self.mean = self._to(mean)

    def _to(self, x: Tensor) -> Tensor:
        left, right = self.sides
        x = x if left is None else left.basis.T @ x
        return x if right is None else x @ right.basis

    def _back(self, x: Tensor) -> Tensor:
        left, right = self.sides
        x = x if left is None else left.basis @ x
        return x if right is None else x @ right.basis.T


class _Side:
    """What is known of one side of a matrix: the mean of G G^T, and its eigenvectors."""

    def __init__(self, n: int, like: Tensor):
        self.covariance, self.known = torch.zeros(n, n).to(like), False
        self.basis = torch.eye(n).to(like)

    def take(self, square: Tensor) -> None:
        """Take in G G^T of one step; the first is the mean."""
        self.covariance.lerp_(square, 1 - KEPT if self.known else 1.0)

    def turn(self) -> None:
        """Eigenvectors, from those before where there are any."""
        if self.known:
            found = torch.linalg.qr(self.covariance @ self.basis)[0]
        else:
            found = torch.linalg.eigh(self.covariance)[1]
        # as it is read back from a checkpoint: products depend in their last bits on how a matrix lies in memory
        self.basis, self.known = found.contiguous(), True
