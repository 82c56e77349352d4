r"""Speed of evaluation: pairs (one observation at one theta) per CPU second on one thread, beside sbi's on the same data.

N observations of two components at K thetas of two. Rates alone differ from machine to machine and hour to hour; the
ratios are taken within one run, each rate the median of several turns taken in rotation.

    gemm          4096 x 64 x 64 products in float32, the yardstick of small networks
    sbi           the potentials that its posteriors evaluate, in evaluation mode, without gradients; of several blocks of
                  pairs, from those that fit the cache to the largest that are fast, the best one counts
    flow, ratio   every theta with every observation, in blocks that stay in the cache
    reduced       the exponential head: features of all N observations, their sum, and S at all K thetas

Weights are as initialised: the time does not depend on them.
"""

import math
import statistics
from collections.abc import Callable

import torch

from addend.heads import Flow
from addend.heads.exponential import Exponential
from addend.heads.ratio import Ratio

from .record import cpu, table, write

OBSERVATIONS, THETAS = 100_000, 1024
WIDTH = 64
SECONDS = 0.05
BLOCKS = ((16, 1024), (50, 256), (256, 64), (100, 256), (1000, 64))


def run(quick: bool) -> None:
    """Print the tables and keep them."""
    torch.manual_seed(0)
    z, phi = torch.randn(OBSERVATIONS, 2), 2 * torch.rand(THETAS, 2) - 1
    work = {"gemm": _gemm(), **_ours(z, phi), **_sbi(z, phi)}
    rate = _rates(work, turns=3 if quick else 9)
    rows = [{"path": name, "per s": rate[name]} for name in work]
    summary = [
        {"ratio": name, "measured": value, "wanted": wanted}
        for name, value, wanted in _summary(rate)
    ]
    print(table(rows), table(summary), sep="\n\n")
    print(f"kept in {write('speed', quick, rows, summary=summary)}\n")


def _gemm() -> tuple[Callable, int]:
    a, w = torch.randn(4096, WIDTH), torch.randn(WIDTH, WIDTH)
    product = torch.empty_like(a)
    return lambda: torch.mm(a, w, out=product), 2 * 4096 * WIDTH * WIDTH


def _ours(z, phi) -> dict[str, tuple[Callable, int]]:
    """What to time, and how many pairs it evaluates."""
    e = z[:, :0]
    flow = Flow([{"link": "identity", "error": None, "present": None}] * 2, 0, 2, []).eval()
    ratio = Ratio(2, 0, 2).eval()
    reduced = Exponential(2, 0, [17, 17], 32).eval()

    def blocks(head, rows, n):
        return lambda: [
            head.outer(z[i : i + rows], e[i : i + rows], phi) for i in range(0, n, rows)
        ]

    def whole(k):
        return lambda: reduced.evaluate(reduced.statistic(z, e), phi[:k].double())

    return {
        "flow": (blocks(flow, 16, 320), 320 * THETAS),
        "ratio": (blocks(ratio, 256, 512), 512 * THETAS),
        "reduced, K = 64": (whole(64), 64 * OBSERVATIONS),
        "reduced": (whole(THETAS), THETAS * OBSERVATIONS),
    }


def _sbi(z, phi) -> dict[str, tuple[Callable, int]]:
    try:
        from sbi import inference, neural_nets, utils
    except ImportError:
        print(
            "sbi is not installed here: its paths are not timed (see benchmarks/requirements.txt)"
        )
        return {}
    prior = utils.BoxUniform(-torch.ones(2), torch.ones(2))
    work = {}
    for kind, build, potential, models in (
        (
            "NLE",
            neural_nets.likelihood_nn,
            inference.likelihood_estimator_based_potential,
            ("nsf", "maf", "mdn"),
        ),
        (
            "NRE",
            neural_nets.classifier_nn,
            inference.ratio_estimator_based_potential,
            ("mlp", "resnet"),
        ),
    ):
        for model in models:
            estimator = build(model=model)(phi[:1000], z[:1000]).eval()
            for n, k in BLOCKS:
                function, _ = potential(estimator, prior, z[:n])
                work[f"sbi {kind}-{model}, {n} x {k}"] = (
                    lambda f=function, k=k: f(phi[:k], track_gradients=False),
                    n * k,
                )
    return work


def _rates(work: dict, turns: int) -> dict[str, float]:
    """Pairs (or floating-point operations) per CPU second: the median over turns of all paths in rotation.

    In a turn a path runs as often as takes about `SECONDS`.
    """
    with torch.no_grad():
        repeats = {name: math.ceil(SECONDS / _seconds(f, 2)) for name, (f, _) in work.items()}
        seconds = [
            {name: _seconds(f, repeats[name]) for name, (f, _) in work.items()}
            for _ in range(turns)
        ]
    return {
        name: amount / statistics.median(turn[name] for turn in seconds)
        for name, (_, amount) in work.items()
    }


def _seconds(f: Callable, repeats: int) -> float:
    """CPU seconds of one call: the mean of several, after one that warms up."""
    f()
    with cpu() as clock:
        for _ in range(repeats):
            f()
    return clock.seconds / repeats


def _summary(rate: dict[str, float]):
    """(what, measured, wanted) of every ratio."""
    best = {
        m: max((r for n, r in rate.items() if n.startswith(f"sbi {m}")), default=None)
        for m in ("NLE-nsf", "NRE-mlp")
    }
    if best["NLE-nsf"]:
        yield "flow / sbi NLE-nsf", rate["flow"] / best["NLE-nsf"], ">= 4"
        yield "ratio / sbi NRE-mlp", rate["ratio"] / best["NRE-mlp"], ">= 2"
        yield "reduced / sbi NLE-nsf", rate["reduced"] / best["NLE-nsf"], ">= 1e4"
        yield "reduced / sbi NRE-mlp", rate["reduced"] / best["NRE-mlp"], ">= 500"
    yield (
        "time of reduced, K = 1024 / K = 64",
        THETAS / 64 * rate["reduced, K = 64"] / rate["reduced"],
        "<= 1.1",
    )
    ratio = Ratio(2, 0, 2)
    products = ratio.direct.weight.numel() + ratio.mix.weight.numel() + ratio.last.weight.numel()
    yield "ratio's products / gemm", rate["ratio"] * 2 * products / rate["gemm"], ">= 0.5"
