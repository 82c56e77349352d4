"""The contract of a modality as a function: one law, one function, and `check_modality` calls them all.

A package's first test is `check_modality(MyModality(), space)`, with the agreement `space` read from the project's root.
A law that is broken raises an AssertionError that says which. The laws:

- its parameters are declared, and its own nuisances bear its name;
- its schema is consistent: names are unique, errors and presences are covariates;
- covariates are what the schema says, finite, n of them, and the same for the same seed;
- simulations are observables, finite, one a row, the same for the same seed and rows; no row depends on another's theta
  and nothing that was passed in is changed;
- coordinates work on any batch, are C2, and can be exported as a torch program with a dynamic batch;
- the sets it ships can be read, and lie where its encoder is trained;
- a table that lacks a column or holds an infinity is refused with a named error;
- what it draws of those sets, if anything, has a prediction for every measurement and every theta.

It prints which deviates of the simulator a Sobol' design can serve: others train as well, but less evenly.
"""

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import torch

from addend.errors import AddendError, MissingColumn, NotFinite
from addend.modality import Columns, Field, Modality
from addend.parameters import ParameterSpace
from addend.sobol import served

ROWS = 257
TRAINING_ROWS = 20_000


def check_modality(modality: Modality, space: ParameterSpace) -> None:
    """Hold a modality to every law of the contract.

    Arguments:
        modality: The modality.
        space: The agreement, in which its parameters are declared.
    """
    check_parameters(modality, space)
    check_schema(modality)
    check_covariates(modality)
    check_simulator(modality, space.subset(modality.parameters))
    print(f"{modality.name}: {served(modality, space.subset(modality.parameters))}")
    check_coordinates(modality, space.subset(modality.parameters))
    check_sets(modality)
    check_refusals(modality)
    check_figure(modality, space.subset(modality.parameters))


def check_parameters(modality: Modality, space: ParameterSpace) -> None:
    """Every parameter is declared, once; a name with a dot belongs to this modality."""
    space.index(modality.parameters)
    assert len(set(modality.parameters)) == len(modality.parameters) > 0, (
        "parameters: a name twice, or none"
    )
    foreign = [p for p in modality.parameters if "." in p and not p.startswith(f"{modality.name}.")]
    assert not foreign, (
        f"parameters: {foreign} belong to another modality; move them to the root parameters.yaml"
    )


def check_schema(modality: Modality) -> None:
    """Field names are unique; `error` names a positive covariate, `present` a covariate; `noise` is for covariates."""
    schema = modality.schema
    covariates = {field.name: field for field in schema.covariates}
    assert len(set(schema.names)) == len(schema.names) and schema.observables, (
        "schema: a name twice, or no observable"
    )
    for field in schema.observables:
        assert not field.noise, f"schema: the observable '{field.name}' cannot describe the noise"
        quoted = field.error is None or covariates[field.error].positive
        assert quoted, f"schema: '{field.error}' must be positive"
        flagged = field.present is None or field.present in covariates
        assert flagged, f"schema: '{field.present}' is not a covariate"
        assert field.mask is None or covariates[field.mask].shape == field.shape, (
            f"schema: the mask '{field.mask}' has another shape than '{field.name}'"
        )


def check_covariates(modality: Modality) -> None:
    """Exactly the covariates of the schema, n finite rows of each, determined by the seed."""
    names = {field.name for field in modality.schema.covariates}
    for n in (1, 2, ROWS):
        columns = modality.covariates(n, np.random.default_rng(n))
        assert set(columns) == names, (
            f"covariates: expected {sorted(names)}, found {sorted(columns)}"
        )
        _require_rows(columns, modality.schema.covariates, n, "covariates")
        _require_equal(
            columns,
            modality.covariates(n, np.random.default_rng(n)),
            "covariates: two draws from one seed",
        )
    for field in modality.schema.covariates:
        assert not field.positive or (columns[field.name] > 0).all(), (
            f"covariates: '{field.name}' must be positive"
        )
    for field in modality.schema.observables:
        if field.present is not None:
            assert set(columns[field.present]) <= {0.0, 1.0}, (
                f"covariates: '{field.present}' must be 0 or 1"
            )


def check_simulator(modality: Modality, space: ParameterSpace) -> None:
    """Exactly the observables, a row each, determined by the seed; a row answers to its own theta alone."""
    rng = np.random.default_rng(0)
    theta, covariates = space.draw(ROWS, rng), modality.covariates(ROWS, rng)
    before = theta.copy(), {name: values.copy() for name, values in covariates.items()}
    x = modality.simulate(theta, covariates, np.random.default_rng(1))
    due = {field.name for field in modality.schema.observables}
    assert set(x) == due, f"simulate: found {sorted(x)}"
    _require_rows(x, modality.schema.observables, ROWS, "simulate")
    modality.schema.check({**x, **covariates})
    _require_equal(
        x,
        modality.simulate(theta, covariates, np.random.default_rng(1)),
        "simulate: two runs of one seed",
    )
    assert np.array_equal(theta, before[0]), "simulate: theta was changed in place"
    _require_equal(covariates, before[1], "simulate: covariates before and after")
    _require_own_theta(modality, theta, covariates, x, space)


def _require_own_theta(
    modality: Modality, theta: np.ndarray, covariates: Columns, x: Columns, space: ParameterSpace
) -> None:
    elsewhere = theta.copy()
    elsewhere[0] = space.draw(1, np.random.default_rng(2))
    moved = modality.simulate(elsewhere, covariates, np.random.default_rng(1))
    assert any((moved[k][0] != x[k][0]).any() for k in x), "simulate: theta changes nothing"
    rest, still = ({name: values[1:] for name, values in c.items()} for c in (x, moved))
    _require_equal(rest, still, "simulate: other rows, when the theta of the first row moves,")


def check_coordinates(modality: Modality, space: ParameterSpace) -> None:
    """theta `(*, D)` -> `(*, K)`, whatever the batch; C2; exportable with a dynamic batch."""
    module = modality.coordinates()
    theta = torch.as_tensor(
        space.from_unit(0.05 + 0.9 * np.random.default_rng(3).random((12, len(space))))
    )
    phi = module(theta)
    assert phi.shape[:-1] == theta.shape[:-1] and phi.dtype == theta.dtype, (
        f"coordinates: {theta.shape} became {phi.shape}"
    )
    torch.testing.assert_close(
        module(theta.reshape(3, 4, -1)), phi.reshape(3, 4, -1), rtol=0, atol=0
    )
    torch.testing.assert_close(
        torch.stack([module(row) for row in theta]), phi, rtol=1e-14, atol=1e-14
    )
    program = torch.export.export(
        module, (theta,), dynamic_shapes=({0: torch.export.Dim("batch", min=2)},)
    ).module()
    for n in (2, 7, 12):
        torch.testing.assert_close(program(theta[:n]), phi[:n], rtol=1e-14, atol=1e-14)
    for point in theta:
        _require_smooth(module, point, torch.as_tensor(space.high - space.low))


def _require_smooth(module: torch.nn.Module, point: torch.Tensor, width: torch.Tensor) -> None:
    """The Hessian of every coordinate is finite and is what central differences of the gradient say."""

    def of_unit(u: torch.Tensor) -> torch.Tensor:
        return module(point + width * u)

    u, step = torch.zeros_like(point), 1e-5
    jacobian = torch.autograd.functional.jacobian
    curvature = jacobian(lambda v: jacobian(of_unit, v, create_graph=True), u)
    steps = step * torch.eye(len(u), dtype=u.dtype)
    slopes = [(jacobian(of_unit, u + h) - jacobian(of_unit, u - h)) / (2 * step) for h in steps]
    assert torch.isfinite(curvature).all(), "coordinates: an infinite curvature"
    torch.testing.assert_close(curvature, torch.stack(slopes, dim=-1), rtol=1e-5, atol=1e-5)


def check_sets(modality: Modality) -> None:
    """Every set that ships has the columns of a table, and reads into valid ones within the range of training's covariates."""
    training = modality.covariates(TRAINING_ROWS, np.random.default_rng(4))
    for name, table in modality.sets().items():
        due = set(modality.table.names)
        assert set(table) == due, f"set '{name}': expected {sorted(due)}, found {sorted(table)}"
        columns = modality.read(table)
        assert set(columns) == set(modality.schema.names), f"set '{name}': found {sorted(columns)}"
        modality.schema.check(columns)
        n = len(columns[modality.schema.observables[0].name])
        _require_rows(columns, modality.schema.fields, n, f"set '{name}'")
        for c, law in training.items():
            inside = (columns[c] >= law.min()) & (columns[c] <= law.max())
            assert inside.all(), (
                f"set '{name}': '{c}' = {columns[c][~inside]} is outside [{law.min():g}, {law.max():g}]"
            )


def check_refusals(modality: Modality) -> None:
    """A table without one of its columns, or with an infinity in it, is refused with a named error."""
    _require_refused(MissingColumn, lambda: modality.read({}), "read: an empty table")
    for table in modality.sets().values():
        for name in modality.table.names:
            lacking = {other: values for other, values in table.items() if other != name}
            infinite = {**table, name: np.full_like(table[name], np.inf)}
            _require_refused(MissingColumn, partial(modality.read, lacking), f"read: no '{name}'")
            _require_refused(
                NotFinite, partial(modality.read, infinite), f"read: infinite '{name}'"
            )


def check_figure(modality: Modality, space: ParameterSpace) -> None:
    """Finite numbers in the shapes that `Points` states, for one theta and for several; x of every curve rises."""
    for table in modality.sets().values():
        for j in (1, 3):
            drawing = modality.figure(modality.read(table), space.draw(j, np.random.default_rng(5)))
            for label, p in drawing.series.items() if drawing else ():
                n, k = len(p.x), len(p.model_x)
                shapes = [np.shape(a) for a in (p.y, p.expected, p.model_y)] + [
                    np.broadcast_shapes(np.shape(p.yerr), (2, n))
                ]
                assert shapes == [(n,), (j, n), (j, k), (2, n)], (
                    f"figure: the shapes of '{label}' are {shapes}"
                )
                numbers = np.concatenate(
                    [np.ravel(a) for a in (p.x, p.y, p.yerr, p.expected, p.model_x, p.model_y)]
                )
                assert np.isfinite(numbers).all() and (np.diff(p.model_x) > 0).all(), (
                    f"figure: '{label}' cannot be drawn"
                )


def _require_refused(error: type[AddendError], call: Callable[[], object], law: str) -> None:
    try:
        call()
    except error:
        return
    raise AssertionError(f"{law} must raise {error.__name__}")


def _require_rows(columns: Columns, fields: Iterable[Field], n: int, law: str) -> None:
    for field in fields:
        values = columns[field.name]
        assert (values.shape, values.dtype) == ((n, *field.shape), np.dtype(field.dtype)), (
            f"{law}: '{field.name}' is {values.dtype} {values.shape}"
        )
        assert np.isfinite(values).all(), f"{law}: '{field.name}' is not finite"


def _require_equal(a: Columns, b: Columns, law: str) -> None:
    differing = [name for name in a if not np.array_equal(a[name], b[name])]
    assert not differing, f"{law} differ in {differing}"
