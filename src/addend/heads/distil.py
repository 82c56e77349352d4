r"""From any head to an exponential family, mostly by linear algebra.

The teacher's psi on the nodes theta_j of the grid, for observations x_i, is a matrix of low rank up to a column that is free:

    psi(x_i; theta_j) = c_i + m_j + sum_k f_k(x_i) omega_k(theta_j) + what is left out.

1. omega: the leading right singular vectors of the centred matrix, each row scaled to one, so that an observation that
   excludes most of the box does not outweigh the others. b = -m.
2. f: a network, fitted by Adam to the error that matters, a centred square weighted by the tempered posterior

       loss = E_i Var_{j ~ w_i} [ psi(x_i; theta_j) - teacher(x_i; theta_j) ],       w_i = softmax_j [teacher(x_i; theta_j) / T];

3. the same loss is quadratic in the last linear map of f: its minimum by normal equations, in float64. This step is what
   makes the head unbiased: whatever lies in the span of the last hidden layer is fitted exactly, hence its mean at every
   theta, where step 2 alone leaves an error that N multiplies.

T = 4: the largest of N observations at theta is so rare that its own posterior all but excludes theta, yet there its psi
counts. With T = 1 those few had errors of nats, and theta_hat at N = 10^4 scattered by a fifth of its error; see
docs/decisions/distillation.md.
"""

import torch
from torch import Tensor

from ..numerics.designs import sobol
from ..numerics.schedules import cosine
from .base import Head
from .exponential import Exponential

CHUNK = 500
BASIS_ROWS = 4000
RIDGE = 1e-10
"""Of the mean diagonal: enough to solve in float64 where two features are one, too little to bias the others."""
TEMPERATURE = 4.0
SHIFT = 0.1
"""Of an error: how far a student may move theta_hat from its teacher's."""


def distil(
    teacher: Head, z: Tensor, e: Tensor, grid, features: int = 32, hidden=(64, 64), steps: int = 4000, batch: int = 512,
    rate: float = 3e-3, generator: torch.Generator | None = None,
) -> Exponential:  # fmt: skip
    """The exponential head nearest to a teacher, in float64.

    Arguments:
        teacher: A trained head.
        z, e: Observations `(N, Z)`, `(N, E)` drawn at thetas from all over the box; the last tenth is held out.
        grid: As `Exponential` takes it: for each coordinate a number of Chebyshev nodes, or `{"levels": n}`.
        features: The number of features d.
        steps, batch, rate: Of Adam.
    """
    student = Exponential(z.shape[1], e.shape[1], grid, features, hidden)
    train, held_out = slice(0, len(z) - len(z) // 10), slice(len(z) - len(z) // 10, None)
    psi = tabulate(teacher, z, e, student.nodes())
    log_area = _log_area(student.nodes(), student.grid)
    _set_basis(student, psi[train], log_area)
    _set_inputs(student, torch.cat([z, e], 1)[train])
    _train(
        student,
        z[train].float(),
        e[train].float(),
        psi[train],
        log_area,
        (steps, batch, rate),
        generator,
    )
    student.double()
    _solve_last(student, z[train], e[train], psi[train], log_area)
    student.left_out.copy_(left_out(student, teacher, z[held_out], e[held_out]))
    return student.eval().requires_grad_(False)


def tabulate(teacher: Head, z: Tensor, e: Tensor, nodes: Tensor) -> Tensor:
    """The teacher's psi `(N, M)` of every observation at every node, each row less its largest, in float32."""
    dtype = next(teacher.parameters()).dtype
    with torch.no_grad():
        chunks = [
            teacher.outer(z[i].to(dtype), e[i].to(dtype), nodes.to(dtype)).T
            for i in _chunks(len(z))
        ]
        return torch.cat([(psi - psi.amax(1, keepdim=True)).float() for psi in chunks])


def left_out(
    student: Exponential, teacher: Head, z: Tensor, e: Tensor, points: int = 256
) -> Tensor:
    """Mean over observations, and 95 % quantile, of the posterior-weighted centred r.m.s. of student - teacher, in nats.

    It is taken between the nodes, so that it counts what the grid misses as well as what d features miss.
    """
    phi = _scattered(points, student.grid)
    exact = tabulate(teacher, z, e, phi).double()
    with torch.no_grad():
        error = student.outer(z.double(), e.double(), phi).T - exact
    rms = _centred(error, exact.softmax(1)).square().mul(exact.softmax(1)).sum(1).sqrt()
    return torch.stack([rms.mean(), rms.quantile(0.95)])


def reach(student: Exponential, teacher: Head, z: Tensor, e: Tensor, phi: Tensor) -> float:
    r"""The most observations N whose theta_hat the student moves by less than `SHIFT` of its error in the mean.

    d = grad (student - teacher) at the phi that a row was drawn at has the mean b(phi), and N moves by sqrt(N b' J^-1 b) errors,
    J = E[g g'] of the teacher's g = grad psi. b is fitted to all rows as a quadratic in phi; the fit's own noise, which would
    be taken for a shift, makes N smaller.

    Arguments:
        z, e, phi: Rows `(M, .)` that taught neither, each drawn at its own phi.
    """
    inside = (phi.abs() <= 1).all(1)
    z, e, phi = z[inside], e[inside], phi[inside]
    g, d = (_gradient(head, z, e, phi) for head in (teacher, student))
    d = d - g
    one = torch.ones_like(phi[:, :1])
    pairs = torch.combinations(torch.arange(phi.shape[1]), with_replacement=True)
    basis = torch.cat([one, phi, phi[:, pairs[:, 0]] * phi[:, pairs[:, 1]]], 1)
    bias = basis @ torch.linalg.lstsq(basis, d).solution
    root = torch.linalg.cholesky(g.T @ g / len(g))
    off = torch.linalg.solve_triangular(root, bias.T, upper=False).square().sum(0)
    return float(SHIFT**2 / off.max().clamp(min=1e-30))


def _gradient(head: Head, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
    """The slope of psi `(M, K)` of each row at its own phi, in float64."""
    dtype = next(head.parameters()).dtype
    found = []
    for i in _chunks(len(z)):
        at = phi[i].to(dtype).detach().requires_grad_(True)
        with torch.enable_grad():
            psi = head.pairs(z[i].to(dtype), e[i].to(dtype), at)
            found.append(torch.autograd.grad(psi.sum(), at)[0].double())
    return torch.cat(found)


def _set_basis(student: Exponential, psi: Tensor, log_area: Tensor) -> None:
    """Step 1, on at most `BASIS_ROWS` observations: omega scaled so that an error of one in a feature is one nat or so."""
    rows = psi[:BASIS_ROWS].double()
    rows = rows - rows.mean(1, keepdim=True)
    mean = rows.mean(0)
    scaled = (rows - mean) / (rows - mean).square().mean(1, keepdim=True).sqrt().clamp(min=1e-12)
    omega = torch.linalg.svd(scaled, full_matrices=False).Vh[: student.features].T
    weight = (psi[:BASIS_ROWS].double() + log_area).softmax(1)
    nats = (weight @ omega.square() - (weight @ omega).square()).mean(0).clamp(min=1e-12).sqrt()
    student.omega[:, : omega.shape[1]].copy_(omega / nats)
    student.b.copy_(-mean)


def _set_inputs(student: Exponential, inputs: Tensor) -> None:
    student.f.centre.copy_(inputs.mean(0))
    student.f.scale.copy_(inputs.std(0).clamp(min=1e-6))


def _train(
    student: Exponential, z: Tensor, e: Tensor, psi: Tensor, log_area: Tensor, settings, generator
) -> None:
    """Step 2, in float32."""
    steps, batch, peak = settings
    omega, target, log_area = student.omega.float(), psi + student.b.float(), log_area.float()
    optimiser = torch.optim.Adam(student.f.parameters(), lr=peak, fused=True)
    for step in range(steps):
        rows = torch.randint(len(z), (batch,), generator=generator)
        weight = _weight(psi[rows], log_area)
        error = _centred(student.f(z[rows], e[rows]) @ omega.T - target[rows], weight)
        loss = (weight * error.square()).sum(1).mean()
        optimiser.param_groups[0]["lr"] = cosine(peak, step, steps)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def _solve_last(student: Exponential, z: Tensor, e: Tensor, psi: Tensor, log_area: Tensor) -> None:
    """Step 3: the linear map h -> f of least loss, from sum_i h h^T (x) cov_i(omega) and sum_i h (x) cov_i(omega, target)."""
    omega, d = student.omega, student.features
    left, right = 0.0, 0.0
    for i in _chunks(len(z)):
        with torch.no_grad():
            h = student.f.layers(z[i].double(), e[i].double())
        h = torch.cat([h, torch.ones_like(h[:, :1])], 1)
        weight = _weight(psi[i].double(), log_area)
        spread = omega - (weight @ omega)[:, None]
        weighted = weight[..., None] * spread
        target = psi[i].double() + student.b
        left = left + (h[:, :, None] * h[:, None]).flatten(1).T @ (weighted.mT @ spread).flatten(1)
        right = right + h.T @ (weighted * target[..., None]).sum(1)
    q = h.shape[1]
    matrix = left.view(q, q, d, d).permute(0, 2, 1, 3).reshape(q * d, q * d)
    solution = torch.linalg.solve(
        matrix + RIDGE * matrix.diagonal().mean() * torch.eye(q * d), right.flatten()
    )
    with torch.no_grad():
        student.f.last.weight.copy_(solution.view(q, d)[:-1].T)
        student.f.last.bias.copy_(solution.view(q, d)[-1])


def _weight(psi: Tensor, log_area: Tensor) -> Tensor:
    """w `(B, M)` of steps 2 and 3."""
    return (psi / TEMPERATURE + log_area).softmax(1)


def _centred(values: Tensor, weight: Tensor) -> Tensor:
    return values - (weight * values).sum(1, keepdim=True)


def _chunks(n: int) -> list[slice]:
    return [slice(i, min(i + CHUNK, n)) for i in range(0, n, CHUNK)]


def _log_area(nodes: Tensor, grid: list) -> Tensor:
    """log of the share of the box `(M,)` that each node stands for: Chebyshev nodes crowd at the edges."""
    crowded = torch.tensor([not isinstance(axis, dict) for axis in grid])
    return 0.5 * torch.log1p(-nodes[:, crowded].square()).sum(1)


def _scattered(n: int, grid: list) -> Tensor:
    """Points `(n, K)` all over the box; a level is one of its values."""
    u = sobol(len(grid), n)
    axes = [
        _level(u[:, k], axis["levels"]) if isinstance(axis, dict) else u[:, k]
        for k, axis in enumerate(grid)
    ]
    return 2 * torch.stack(axes, 1) - 1


def _level(u: Tensor, levels: int) -> Tensor:
    """u in [0, 1) to one of as many values, evenly spaced from 0 to 1."""
    return (u * levels).floor() / (levels - 1)
