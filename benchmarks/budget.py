r"""Quality against the number of simulations, beside sbi's NLE on the same pools: `python -m benchmarks budget`.

Of each modality whose likelihood is known the train pool of n simulations that `simulate` draws is all that is given, n from
10^3 to 10^6. Addend's own stages make an encoder of it, with the settings that ship. sbi is given the same rows as the flow is,
standardised in the same way, with theta's coordinates and the covariates for its condition, and trains by its defaults until
its own early stop. Both are then held to the exact likelihood on the same mock data sets, of as many observations as the
modality is meant for, at thetas of the prior:

    rms of Delta S = S - S_exact - mean,    over draws of the exact posterior that lie in its 95 % region of highest density,

in nats. CPU seconds of training, on one thread.
"""

import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from addend import places, shards
from addend.encoder import Encoder
from addend.modality import Columns, Modality, find
from addend.pools import theta_of
from addend.posterior import sample
from addend.scalar import constraints
from addend.stages import finetune, pretrain, simulate

from .likelihoods import Exact
from .record import cpu, elsewhere, table, write

SIZES, QUICK = (1_000, 10_000, 100_000, 1_000_000), (1_000,)
MODALITIES = ("chronometers", "bao")
MODELS, MOST = ("maf", "nsf"), 100_000
"""Of sbi, and the largest pool that it is given: it takes hours for the next."""
SETS, ESS, REGION = 12, 500, 0.05
Psi = Callable[[Columns, Tensor], Tensor]


@dataclass(frozen=True)
class Trial:
    """A mock data set, draws of its exact posterior in the 95 % region, and the exact S there.

    Arguments:
        columns: N observations.
        theta: `(M, D)`.
        exact: `(M,)` nats, without constraints.
    """

    columns: Columns
    theta: Tensor
    exact: Tensor

    def off(self, psi: Psi) -> float:
        """The rms of Delta S, in nats."""
        with torch.no_grad():
            away = psi(self.columns, self.theta).sum(dim=1).double() - self.exact
        return float((away - away.mean()).square().mean().sqrt())


def run(quick: bool) -> None:
    """Measure, print and keep."""
    rows = []
    for name in MODALITIES:
        modality, exact = find(name), Exact.of(name)
        settings, parameters = settings_of(name), parameters_of(name)
        trials = [trial_of(modality, exact, settings, k) for k in range(3 if quick else SETS)]
        for n in QUICK if quick else SIZES:
            with elsewhere(**{name: modality}):
                lay_out(name, settings, parameters, n)
                rows += [{"modality": name, "n": n, **row} for row in _both(name, n, trials)]
            print(table(rows[-3:]), flush=True)
            write("budget", quick, rows)
    print(table(rows))


def _both(name: str, n: int, trials: list[Trial]) -> list[dict[str, Any]]:
    simulate.simulate(name)
    pretrain.pretrain(name)
    with cpu() as clock:
        finetune.finetune(name)
    encoder = Encoder.load(places.encoder(name, "head"))
    found = [row_of("addend", [t.off(encoder.outer) for t in trials], clock.seconds)]
    if n > MOST:
        return found
    return found + [
        row_of(f"sbi {m}", *_of_sbi(m, name, encoder, trials)) for m in MODELS if _sbi()
    ]


def row_of(method: str, off: list[float], seconds: float) -> dict[str, Any]:
    """A row of the table, from the rms of each trial and the seconds of training."""
    return {
        "method": method,
        "rms Delta S": float(np.sqrt(np.mean(np.square(off)))),
        "worst": max(off),
        "cpu s": seconds,
    }


def _of_sbi(
    model: str, name: str, encoder: Encoder, trials: list[Trial]
) -> tuple[list[float], float]:
    """The rms of each trial, and the seconds of training."""
    from sbi.inference import NLE

    pool = shards.read_set(places.pool(name, "train")).columns
    z, e = encoder.embed({k: v for k, v in pool.items() if not k.startswith("theta.")})
    phi = encoder.phi(torch.from_numpy(theta_of(pool, encoder.space.names)))
    torch.manual_seed(1)
    with warnings.catch_warnings(), cpu() as clock:
        warnings.simplefilter("ignore")
        learner = NLE(density_estimator=model, show_progress_bars=False)
        learned = learner.append_simulations(torch.cat([phi, e], 1).float(), z.float()).train()

    def psi(columns: Columns, theta: Tensor) -> Tensor:
        own, known = encoder.embed(columns)
        at = encoder.phi(theta)
        J, N = len(at), len(own)
        given = torch.cat([at.repeat_interleave(N, 0), known.repeat(J, 1)], 1).float()
        return learned.log_prob(own.repeat(J, 1).float()[None], condition=given)[0].reshape(J, N)

    return [t.off(psi) for t in trials], clock.seconds


def _sbi() -> bool:
    try:
        import sbi  # noqa: F401
    except ImportError:
        return False
    return True


def trial_of(modality: Modality, exact: Exact, settings: dict[str, Any], k: int) -> Trial:
    """The k-th data set."""
    rng, n = np.random.default_rng([k, *b"budget"]), settings["calibrate"]["expected"]
    theta = np.repeat(exact.space.draw(1, rng), n, axis=0)
    covariates = modality.covariates(n, rng)
    columns = {**modality.simulate(theta, covariates, rng), **covariates}
    own = exact.scalar(columns)
    S = sum(constraints(exact.space), own.on(exact.space))
    draws = torch.from_numpy(sample(S, seed=k, ess=ESS).samples[::20])
    with torch.no_grad():
        value, alone = S.values(draws), own.values(draws)
    inside = value >= value.quantile(REGION)
    return Trial(columns, draws[inside], alone[inside])


def settings_of(name: str) -> dict[str, Any]:
    """What a modality's params.yaml says."""
    return yaml.safe_load((Path("modalities") / name / "params.yaml").read_text())


def parameters_of(name: str) -> dict[str, Path]:
    """Where the parameters that a modality needs are declared, by their place in a project."""
    own = Path("modalities") / name / "parameters.yaml"
    return {str(p): p.resolve() for p in (Path("parameters.yaml"), own) if p.exists()}


def lay_out(
    name: str, settings: dict[str, Any], parameters: dict[str, Path], n: int, **more: Any
) -> None:
    """A project of one modality whose train pool has n rows, here; `more` of what `simulate` may say."""
    for place, source in parameters.items():
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)
    asked = {
        **settings,
        "simulate": {**settings["simulate"], "train": n, "calibrate": 256, "audit": 256, **more},
    }
    path = Path("modalities") / name / "params.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(asked))
