"""The laws of a head as a function: one law, one function, and `check_head` calls them all.

A broken law raises `UnfitHead` with its name. They are checked in double precision, at the weights given and at weights
jolted by a tenth, since an untrained output layer is zero and would pass anything. The laws:

- no layer of it is kinked or couples the rows of a batch;
- psi is finite, and psi of every theta with every observation has psi of the pairs on its diagonal;
- psi of a row is the same whatever the other rows, and permuting observations permutes psi;
- psi is C2 in theta: the gradient is the integral of the Hessian, and the Hessian has no jumps;
- plain JSON and a state rebuild it to the last bit, and single precision agrees with double;
- where it claims to be a density in z, it integrates to one for every theta.
"""

import copy
import json

import numpy as np
import torch
from torch import Tensor

from addend.errors import UnfitHead
from addend.heads import HEADS, Head, build
from addend.heads.laws import require_smooth
from addend.testing.densities import integral

ROWS, THETAS = 37, 11
SLACK = 0.03


def check_head(head: Head, z: Tensor, e: Tensor, phi: Tensor) -> None:
    """Hold a head to every law.

    Arguments:
        z, e, phi: Some observations `(N, Z)`, their covariates `(N, E)` and as many coordinates `(N, K)`, N at least 50.

    Raises:
        UnfitHead: The law that is broken.
    """
    require_smooth(head, where=f"the head '{head.kind}'")
    check_rebuilt(head, z, e, phi)
    z, e, phi = z.double(), e.double(), phi.double()
    for candidate in (_copy(head), _jolted(head)):
        check_outer(candidate, z[:ROWS], e[:ROWS], phi[:THETAS])
        check_rows(candidate, z[:ROWS], e[:ROWS], phi[:ROWS])
        check_curvature(candidate, z[:8], e[:8], phi)
        check_density(candidate, z, e, phi[:THETAS])


def check_outer(head: Head, z: Tensor, e: Tensor, phi: Tensor) -> None:
    """psi of every theta with every observation is psi of the pairs, with and without gradients."""
    with torch.no_grad():
        blocks = head.outer(z, e, phi)
        pairs = torch.stack([head.pairs(z, e, p.expand(len(z), -1)) for p in phi])
    _require(
        torch.isfinite(pairs).all(), head, "finite", "psi is not a finite number at ordinary inputs"
    )
    _require(
        blocks.shape == (len(phi), len(z)), head, "outer", f"outer has shape {tuple(blocks.shape)}"
    )
    _require(
        _close(blocks, pairs) and _close(head.outer(z, e, phi), pairs),
        head,
        "outer",
        "outer and pairs disagree",
    )


def check_rows(head: Head, z: Tensor, e: Tensor, phi: Tensor) -> None:
    """psi of a row is the same alone as among others, in any order, also while training."""
    order = torch.randperm(len(z), generator=torch.Generator().manual_seed(0))
    for mode in (head.train, head.eval):
        mode()
        with torch.no_grad():
            psi = head.pairs(z, e, phi)
            alone = head.pairs(z[:1], e[:1], phi[:1])
            shuffled = head.pairs(z[order], e[order], phi[order])
        _require(
            _close(alone, psi[:1]),
            head,
            "additivity",
            "psi of an observation depends on the others in its batch",
        )
        _require(
            _close(shuffled, psi[order]),
            head,
            "additivity",
            "permuting the observations does not permute psi",
        )


def check_curvature(head: Head, z: Tensor, e: Tensor, phi: Tensor, steps: int = 256) -> None:
    """Along a segment of theta, the gradient is the integral of a Hessian that has no jumps.

    Halving the step halves the largest increment of a continuous derivative, but not of one with a jump.
    """
    line = torch.linspace(0, 1, steps + 1, dtype=phi.dtype)[:, None]
    low, high = phi.min(0).values, phi.max(0).values
    slope, curvature = _derivatives(head, z, e, low + (high - low) * line, high - low)
    integral = torch.trapezoid(curvature, dx=1 / steps, dim=0)
    size = slope.diff(dim=0).abs().sum(0) + curvature.abs().mean(0)
    gap = ((slope[-1] - slope[0] - integral).abs() / (size + 1e-6)).max()
    _require(
        gap < SLACK,
        head,
        "curvature",
        f"the Hessian in theta misses {float(gap):.0%} of the change of the gradient",
    )
    fine, coarse = curvature.diff(dim=0).abs().amax(0), curvature[::2].diff(dim=0).abs().amax(0)
    jump = (fine / (coarse + 1e-3 * curvature.abs().amax(0) + 1e-9)).max()
    _require(jump < 0.8, head, "curvature", "the Hessian in theta jumps")


def check_rebuilt(head: Head, z: Tensor, e: Tensor, phi: Tensor) -> None:
    """JSON and a state rebuild the head to the last bit; in double precision it is the same function."""
    _require(head.kind in HEADS, head, "registry", f"its kind is not among {', '.join(HEADS)}")
    rebuilt = build(**json.loads(json.dumps(head.as_dict())))
    rebuilt.load_state_dict(head.state_dict())
    rebuilt.eval()
    original = copy.deepcopy(head).eval()
    with torch.no_grad():
        psi = original.pairs(z, e, phi)
        _require(
            torch.equal(rebuilt.pairs(z, e, phi), psi),
            head,
            "rebuilt",
            "config and state do not rebuild it",
        )
        double = original.double().pairs(z.double(), e.double(), phi.double())
    _require(
        double.dtype == torch.float64,
        head,
        "precision",
        f"in double precision it returns {double.dtype}",
    )
    _require(
        _close(psi.double(), double, 1e-3),
        head,
        "precision",
        "single and double precision disagree",
    )


def check_density(head: Head, z: Tensor, e: Tensor, phi: Tensor) -> None:
    """A head that claims to be normalised integrates to one in z, for every theta."""
    if head.normalised:
        found = integral(head, z, e, phi, np.random.default_rng(0))
        off = (np.abs(found.log_z) - 5 * found.error).max()
        what = f"the integral of exp(psi) over z departs from one by {found.worst(0):.2g} nats at some theta"
        _require(
            off < SLACK,
            head,
            "normalisation",
            f"{what}: something is scaled by theta without its Jacobian",
        )


def _derivatives(
    head: Head, z: Tensor, e: Tensor, points: Tensor, direction: Tensor
) -> tuple[Tensor, Tensor]:
    """First and second derivatives of psi `(T, N)` along `direction`, at the points `(T, K)`."""

    t = torch.zeros(len(points), dtype=points.dtype, requires_grad=True)
    psi = head.outer(z, e, points + t[:, None] * direction)
    slopes = [
        torch.autograd.grad(column.sum(), t, create_graph=True)[0] + 0 * t
        for column in psi.unbind(1)
    ]
    curvatures = [torch.autograd.grad(slope.sum(), t, retain_graph=True)[0] for slope in slopes]
    return torch.stack(slopes, 1).detach(), torch.stack(curvatures, 1)


def _copy(head: Head) -> Head:
    return copy.deepcopy(head).double().eval()


def _jolted(head: Head) -> Head:
    generator, jolted = torch.Generator().manual_seed(1), _copy(head)
    with torch.no_grad():
        for p in jolted.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=generator, dtype=p.dtype))
    return jolted


def _close(a: Tensor, b: Tensor, tolerance: float = 1e-9) -> bool:
    return torch.allclose(a, b, rtol=tolerance, atol=tolerance)


def _require(holds: bool | Tensor, head: Head, law: str, what: str) -> None:
    if not holds:
        raise UnfitHead(
            f"the head '{head.kind}' breaks the law of {law}: {what}",
            "see the laws in addend.testing.heads",
        )
