"""The arrays behind the figures, next to `summary.json`: posterior samples, profiles, data with their prediction.

Everything goes by name: a modality's, a parameter's, or `FUSED` for the sum. `write_curves` and `read_curves` keep them as
one npz without pickle, the same bytes for the same arrays.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from ..durable import written_beside

FUSED = "fused"


@dataclass(frozen=True)
class Samples:
    """A posterior as samples.

    Arguments:
        names: Parameters, in the order of the columns.
        values: theta `(n, D)`, each column in its parameter's unit.
        weights: Weight of each sample `(n,)`; None where all weigh the same.
    """

    names: tuple[str, ...]
    values: np.ndarray
    weights: np.ndarray | None = None


@dataclass(frozen=True)
class ProfileCurve:
    """2 [S_max - S] along one parameter, the others profiled.

    Arguments:
        theta: Values of the parameter `(k,)`, rising, in its unit.
        value: 2 [S_max - S] there `(k,)`, twice nats.
    """

    theta: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class Series:
    """One kind of measurement against one axis, with what theta_hat predicts.

    Arguments:
        x: Where measured `(n,)`.
        y: The measurements `(n,)`.
        yerr: Their errors `(n,)`, or `(2, n)`: below, above.
        expected: Prediction of theta_hat for each `(n,)`.
        model_x: Where the curve is drawn `(k,)`, rising.
        model_y: The prediction of theta_hat `(k,)`.
        band: Its 68 % posterior band `(2, k)`; None without one.
    """

    x: np.ndarray
    y: np.ndarray
    yerr: np.ndarray
    expected: np.ndarray
    model_x: np.ndarray
    model_y: np.ndarray
    band: np.ndarray | None = None


@dataclass(frozen=True)
class Panel:
    """The data of one modality with the fit.

    Arguments:
        title: What is shown.
        x_label, y_label: Axis labels with units; mathtext between dollar signs is typeset.
        series: Measurements by label.
        x_log: Whether x is drawn on a logarithmic axis.
    """

    title: str
    x_label: str
    y_label: str
    series: dict[str, Series]
    x_log: bool = False


@dataclass(frozen=True)
class Curves:
    """All arrays of one fusion; whatever is left empty is left out of the page.

    Arguments:
        posterior: Samples of each modality's own posterior, and of the sum under `FUSED`.
        profiles: Profiles by parameter, of each modality where it identifies the parameter, and of the sum under `FUSED`.
        panels: Data with the fit, by modality.
    """

    posterior: dict[str, Samples] = field(default_factory=dict)
    profiles: dict[str, dict[str, ProfileCurve]] = field(default_factory=dict)
    panels: dict[str, Panel] = field(default_factory=dict)


def write_curves(path: Path, curves: Curves) -> None:
    """One npz: the arrays numbered, and a JSON text that says where each belongs."""
    arrays: list[np.ndarray] = []
    tree = json.dumps(_pack(asdict(curves), arrays))
    with written_beside(path) as temporary, temporary.open("wb") as f:
        np.savez(f, tree=np.array(tree), **{f"a{i}": a for i, a in enumerate(arrays)})


def read_curves(path: Path) -> Curves:
    """What `write_curves` wrote."""
    with np.load(path, allow_pickle=False) as npz:
        tree = _unpack(json.loads(str(npz["tree"])), npz)
    panels = {
        m: {**p, "series": {k: Series(**s) for k, s in p["series"].items()}}
        for m, p in tree["panels"].items()
    }
    return Curves(
        posterior={
            m: Samples(**{**s, "names": tuple(s["names"])}) for m, s in tree["posterior"].items()
        },
        profiles={
            m: {p: ProfileCurve(**c) for p, c in of.items()} for m, of in tree["profiles"].items()
        },
        panels={m: Panel(**p) for m, p in panels.items()},
    )


def _pack(tree, arrays: list[np.ndarray]):
    if isinstance(tree, dict):
        return {k: _pack(v, arrays) for k, v in tree.items()}
    if isinstance(tree, np.ndarray):
        arrays.append(np.asarray(tree, dtype=np.float64))
        return {"#": len(arrays) - 1}
    return tree


def _unpack(tree, npz):
    if isinstance(tree, dict):
        return (
            npz[f"a{tree['#']}"]
            if set(tree) == {"#"}
            else {k: _unpack(v, npz) for k, v in tree.items()}
        )
    return tree
