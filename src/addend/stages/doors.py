"""The doors: a user's table in, mock observations in, S of a registered encoder out.

    addend ingest <modality> <table.csv> --set <name>       the modality reads the table, its units are checked
    addend ingest <modality> --mock --like <set> ...        mock observations at a stated theta, another set's covariates
    addend logl <modality> --set <name> --theta points.csv  S_m(theta) = sum_i psi_m(x_i; theta) [nats], a row a theta

What came in once stays: another content under its name is refused, and rows are added only when told to. S is known up to a
constant in theta. For it an encoder and its observations suffice; the modality's package need not be installed.
"""

import csv
import io
import re
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from .. import shards
from ..calibration.support import RATE
from ..durable import written_beside
from ..encoder import Encoder
from ..errors import BadSetting, NoObservations, SetExists, StrangeObservations
from ..modality import Columns, Modality, find
from ..parameters import read_agreement
from ..registry import Registry
from ..scalar import Lazy
from ..table import read_points, read_table
from . import fusion, places
from .resolve import no_champion
from .standing import strange

VALUE = "logl_nats"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def ingest(name: str, table: Path, set_name: str, append: bool = False) -> shards.ObservationSet:
    """A user's table as a set of observations; with `append`, as further rows of one.

    Raises:
        SetExists: A set of that name that is another, ships with the package, or is mock.
        NoObservations: There is nothing to append to.
        The named errors of `read_table` and of the modality's `read`. Nothing is written then.
    """
    modality = _free(name, set_name)
    columns = modality.read(read_table(Path(table), modality.table))
    facts = {"modality": name, "set": set_name, "mock": False, "source": Path(table).name}
    return (
        _append(modality, set_name, columns)
        if append
        else _keep(modality, set_name, columns, facts)
    )


def mock(
    name: str, set_name: str, like: str, truth: Mapping[str, float], seed: int
) -> shards.ObservationSet:
    """Mock observations at a stated theta, with the covariates of the set `like`; the same seed gives the same ones.

    Raises:
        SetExists: As `ingest`.
        NoObservations: There is no set `like`.
        BadSetting, UnknownParameter, OutsideSupport: A truth that lacks a parameter, names another or leaves the support.
    """
    modality = _free(name, set_name)
    read_agreement(places.ROOT).subset(modality.parameters).index(list(truth))
    source = shards.read_set(places.observations(name, _plain(like)))
    with tempfile.TemporaryDirectory() as folder:
        drawn = fusion.mock(Path(folder) / set_name, name, source, dict(truth), seed)
        return _keep(
            modality, set_name, drawn.columns, {**drawn.attrs, "set": set_name, "like": like}
        )


def read_truth(given: Sequence[str]) -> dict[str, float]:
    """theta from texts `name=value`."""
    try:
        return {name: float(value) for name, value in (text.split("=") for text in given)}
    except ValueError:
        raise BadSetting(
            f"'{' '.join(given)}' does not state a truth",
            "write --truth name=value once a parameter",
        ) from None


def logl(name: str, set_name: str, points: Path, out: Path | None = None) -> np.ndarray:
    """S_m `(J,)` in nats at every row of a table of named parameters; written as CSV, to standard output without `out`.

    Columns of `points` that are parameters of other modalities are passed over: S_m is flat in them. The warning
    `StrangeObservations` counts the observations outside the simulated support, if the encoder has a record of it.

    Raises:
        NoChampion, NoObservations: There is no promoted encoder, or no such set.
        DefinitionMismatch: A parameter that means one thing to the encoder and another in parameters.yaml.
        The named errors of `read_points`.
    """
    torch.set_num_threads(1)
    require_place(out)
    found = shards.read_set(places.observations(name, set_name))
    encoder, agreement = champion(name), read_agreement(places.ROOT)
    encoder.space.require_same(agreement, f"the encoder of '{name}'", "parameters.yaml")
    theta = read_points(Path(points), encoder.space, agreement.names)
    with torch.no_grad():
        term = Lazy(encoder, found.columns)
        values = term(theta).numpy()
    _warn_of_strange(term, f"the set '{set_name}' of '{name}'")
    _write(encoder.space.names, theta, values, out)
    return values


def champion(name: str) -> Encoder:
    """The promoted encoder of a modality; `NoChampion` if there is none."""
    registry = Registry(root=places.ROOT)
    version = registry.champion(_plain(name))
    if version is None:
        raise no_champion(name)
    return Encoder.load(registry.fetch(version))


def _warn_of_strange(term: Lazy, where: str) -> None:
    outside = strange(term)
    if outside is not None and outside.any():
        warnings.warn(
            f"{outside.sum():,} of {term.n:,} rows of {where} lie outside the simulated support, row {outside.argmax() + 1} "
            f"first, where chance puts {RATE:.1%}; psi means little there.",
            StrangeObservations,
            stacklevel=3,
        )


def _free(name: str, set_name: str) -> Modality:
    """The modality, unless the set's name is no name or belongs to its package."""
    modality = find(name)
    if _plain(set_name) in modality.sets():
        raise SetExists(
            f"the set '{set_name}' of '{name}' ships with its package", "choose another name"
        )
    return modality


def _keep(
    modality: Modality, set_name: str, columns: Columns, facts: dict
) -> shards.ObservationSet:
    """Write a set; what is there already is left alone if it is the same, and refused if it is another."""
    folder = places.observations(modality.name, set_name)
    try:
        there = shards.read_set(folder)
    except NoObservations:
        return shards.write_set(folder, columns, modality.schema, facts)
    if there.attrs["mock"] != facts["mock"] or not _same(there.columns, columns):
        kind = "mock" if there.attrs["mock"] else "real"
        may_grow = not (facts["mock"] or there.attrs["mock"])
        raise SetExists(
            f"there is another set '{set_name}' of '{modality.name}' with {there.n} {kind} observations",
            "choose another name" + ", or say --append to add to it" * may_grow,
        )
    return there


def _append(modality: Modality, set_name: str, columns: Columns) -> shards.ObservationSet:
    folder = places.observations(modality.name, set_name)
    if shards.read_set(folder).attrs["mock"]:
        what = f"the set '{set_name}' of '{modality.name}' is mock"
        raise SetExists(what, "choose another name: real and mock are never mixed")
    return shards.append_set(folder, columns, modality.schema)


def _same(a: Columns, b: Columns) -> bool:
    return set(a) == set(b) and all(np.array_equal(a[name], b[name]) for name in a)


def _plain(name: str) -> str:
    if not NAME.fullmatch(name):
        raise BadSetting(
            f"'{name}' cannot name a folder",
            "use letters, digits, '.', '_' and '-', a letter or digit first",
        )
    return name


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
