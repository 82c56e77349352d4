"""From what repetitions taught to the blocks that figures and docs/summary.md know: a change of shape and nothing else."""

from typing import Any

import numpy as np

from ..calibration.closure import Closure
from ..calibration.neyman import CriticalValues
from ..calibration.tension import TensionLaw
from ..numerics.tails import chi2_quantile


def critical_blocks(
    values: CriticalValues, theta_hat: np.ndarray, dof: int, points: int = 41
) -> list[dict[str, Any]]:
    """Critical values along each parameter, the others at `theta_hat` `(P,)`; `dof` is that of Wilks' chi-square."""
    blocks = []
    for i, p in enumerate(values.names):
        line = np.tile(theta_hat, (points, 1))
        line[:, i] = np.linspace(values.low[i], values.high[i], points)
        learned = values(line)
        blocks += [
            {
                "parameter": p, "level": level, "theta": line[:, i].tolist(), "calibrated": learned[:, a].tolist(),
                "profile": float(chi2_quantile(level, dof)), "theta_hat": float(theta_hat[i]),
            }
            for a, level in enumerate(values.levels)
        ]  # fmt: skip
    return blocks


def pulls_block(closure: Closure) -> dict[str, Any]:
    """Mean and spread of the pulls."""
    mean, spread = (
        dict(zip(closure.names, values.tolist(), strict=True)) for values in closure.pulls
    )
    return {"universes": int(closure.n), "mean": mean, "spread": spread}


def tension_block(law: TensionLaw, observed: float) -> dict[str, Any]:
    """The observed Q among the simulated ones."""
    return {
        "observed": float(observed),
        "simulated": law.q.tolist(),
        "p_value": law.p_value(observed),
    }
