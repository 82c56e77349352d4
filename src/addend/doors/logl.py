"""The door out: S_m of a registered encoder, for any other sampler.

    addend logl <modality> --set <name> --theta points.csv  S_m(theta) = sum_i psi_m(x_i; theta) [nats], a row a theta

S is known up to a constant in theta. For it an encoder and its observations suffice; the modality's package need not be
installed.
"""

import csv
import io
import sys
import warnings
from pathlib import Path

import numpy as np
import torch

from .. import known, places, shards
from ..calibration import Record
from ..calibration.support import RATE
from ..champions import champion
from ..covariates import warn_of_covariates
from ..durable import written_beside
from ..encoder import Encoder
from ..errors import BadSetting, NotFinite, StrangeObservations
from ..fusion.trust import strange
from ..parameters import read_agreement
from ..scalar import Lazy
from ..table import read_points

VALUE = "logl_nats"


def logl(name: str, set_name: str, points: Path, out: Path | None = None) -> np.ndarray:
    """S_m `(J,)` in nats at every row of a table of named parameters; written as CSV, to standard output without `out`.

    Columns of `points` that are parameters of other modalities are passed over: S_m is flat in them. The warning
    `StrangeObservations` counts the observations outside the simulated support, if the encoder has a record of it;
    `BeyondTraining` those with a covariate outside what its training drew.

    Raises:
        NoChampion, NoObservations: There is no promoted encoder, or no such set.
        DefinitionMismatch: A parameter that means one thing to the encoder and another in parameters.yaml.
        NotFinite: psi of a row has no value at a theta.
        The named errors of `read_points`.
    """
    torch.set_num_threads(1)
    require_place(out)
    known.require_modality(name, "'addend logl'")
    found = shards.read_set(places.observations(name, set_name))
    encoder, agreement = Encoder.load(champion(name)), read_agreement(places.ROOT)
    encoder.space.require_same(agreement, f"the encoder of '{name}'", "parameters.yaml")
    theta = read_points(Path(points), encoder.space, agreement.names)
    with torch.no_grad():
        term = Lazy(encoder, found.columns)
        values = term(theta).numpy()
        _require_finite(term, theta, values, f"the set '{set_name}' of '{name}'")
    record, where = Record.of(encoder), f"the set '{set_name}' of '{name}'"
    _warn_of_strange(term, record, where)
    warn_of_covariates(encoder.manifest, found.columns, where)
    _write(encoder.space.names, theta, values, out)
    return values


def _require_finite(term: Lazy, theta: np.ndarray, values: np.ndarray, where: str) -> None:
    """Raise `NotFinite` of the first row of the first theta at which S has no value."""
    if np.isfinite(values).all():
        return
    at = int(np.argmin(np.isfinite(values)))
    psi = term.observations(torch.from_numpy(theta[at : at + 1]))[0]
    row = int((~torch.isfinite(psi)).to(torch.int8).argmax()) + 1
    raise NotFinite(
        f"psi of row {row} of {where} is {psi[row - 1].item()} nat at row {at + 1} of the points",
        "remove or correct the row: it is unlike anything that the encoder can have seen",
    )


def _warn_of_strange(term: Lazy, record: Record | None, where: str) -> None:
    outside = strange(term, record)
    if outside is not None and outside.any():
        warnings.warn(
            f"{outside.sum():,} of {term.n:,} rows of {where} lie outside the simulated support, row {outside.argmax() + 1} "
            f"first, where chance puts {RATE:.1%}; psi means little there.",
            StrangeObservations,
            stacklevel=3,
        )


def require_place(out: Path | None) -> None:
    """Raise `BadSetting` unless a file can be written at `out`, or there is none to write."""
    if out is not None and (Path(out).is_dir() or not Path(out).parent.is_dir()):
        raise BadSetting(
            f"{out} cannot be written: it is a folder, or lies in none",
            "name a file in a folder that exists",
        )


def _write(names: tuple[str, ...], theta: np.ndarray, values: np.ndarray, out: Path | None) -> None:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*names, VALUE])
    rows.writerows(
        [repr(x) for x in [*point, value]]
        for point, value in zip(theta.tolist(), values.tolist(), strict=True)
    )
    if out is None:
        sys.stdout.write(text.getvalue())
        return
    with written_beside(Path(out)) as temporary:
        temporary.write_text(text.getvalue())
