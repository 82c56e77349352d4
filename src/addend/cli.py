"""The same verbs from a shell. A named mistake is one sentence on standard error and status 2; a warning, one sentence.

Each verb imports what it needs when it is called, so that the command itself starts quickly.
"""

import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from .durable import os_errors_named
from .errors import AddendError, AddendWarning, BadSetting
from .processor import share_instructions
from .running import alone, die_with_dvc

HELP = "Multimodal inference by addition."
app = typer.Typer(
    help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)

MODALITY = {
    "observe": "Bring the sets that a modality ships into shards.",
    "simulate": "Draw the pools that a modality is trained, calibrated and audited on.",
    "pretrain": "Make and export f_m.",
    "finetune": "Train g_m.",
    "calibrate": "Measure what an encoder's errors are, on simulations it never saw.",
}
FUSION = {
    "gather": "Collect the sets a fusion names, or draw mock ones at its truth.",
    "resolve": "Pin the champion of every modality of a fusion.",
    "evaluate": "Do the work that depends on the observations alone.",
    "fuse": "Add, maximise, and say how sure one can be.",
    "calibrate-fusion": "Pseudo-experiments at the fusion's own composition.",
    "report": "Write summary.json and the page of a fusion.",
}


def _add(command: str, text: str, argument: str) -> None:
    """The stage of that name, which lies in a module of that name."""
    name = command.replace("-", "_")

    def verb(of: str = typer.Argument(metavar=argument)) -> None:
        die_with_dvc()
        with alone(command, of):
            getattr(import_module(f"addend.stages.{name}"), name)(of)

    app.command(command, help=text)(verb)


for _command, _text in MODALITY.items():
    _add(_command, _text, "MODALITY")
for _command, _text in FUSION.items():
    _add(_command, _text, "FUSION")


@app.command()
def register(
    modality: str,
    apart: Annotated[
        bool, typer.Option("--apart", help="Keep its pin where only fusions that name it look.")
    ] = False,
) -> None:
    """Register an encoder; promote it if its record passes the gate."""
    die_with_dvc()
    with alone("register", modality):
        import_module("addend.stages.register").register(modality, apart)


@app.command()
def show(fusion: Annotated[str, typer.Argument(metavar="FUSION")]) -> None:
    """Print the answer of a fusion."""
    from .doors import show as door

    door.show(fusion)


@app.command()
def ingest(
    modality: str,
    table: Annotated[
        Path | None,
        typer.Argument(help="A CSV file, or arrays as .npz or Zarr; see the model card."),
    ] = None,
    *,
    set_name: Annotated[str, typer.Option("--set", help="What the set is to be called.")],
    append: Annotated[
        bool, typer.Option("--append", help="Add the rows to a set that exists.")
    ] = False,
    mock: Annotated[
        bool, typer.Option("--mock", help="Draw mock observations instead of reading a table.")
    ] = False,
    like: Annotated[
        str, typer.Option(help="Of a mock set: the set whose covariates it takes.")
    ] = "",
    truth: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Of a mock set: a parameter.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of a mock set.")] = 0,
) -> None:
    """Bring a user's table, or mock observations at a chosen theta, into immutable shards."""
    from .doors import ingest as door

    if mock == (table is not None) or (mock and append):
        raise BadSetting(
            "ingest takes either a table or --mock, and --append only with a table",
            "see 'addend ingest --help'",
        )
    if table is None:
        found = door.mock(modality, set_name, like, door.read_truth(truth or []), seed)
    else:
        found = door.ingest(modality, table, set_name, append)
    print(
        f"{modality} {set_name}: {found.n} observations in {len(found.shards)} shard{'s' * (len(found.shards) > 1)}"
    )


@app.command()
def fetch(
    modality: str,
    set_name: Annotated[str, typer.Argument(metavar="SET", help="One that the model card names.")],
) -> None:
    """Bring a set that somebody else publishes, by its address and its sha256."""
    from .doors import fetch as door

    found = door.fetch(modality, set_name)
    print(f"{modality} {set_name}: {found.n} observations, {found.attrs['source']}")


@app.command()
def logl(
    modality: str,
    set_name: Annotated[str, typer.Option("--set", help="The set of observations.")],
    theta: Annotated[
        Path, typer.Option(help="A CSV file with a column for every parameter, a theta a row.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Where to write; standard output if not given.")
    ] = None,
) -> None:
    """Write S_m(theta) [nats], log p of a set up to a constant, for every row of a CSV of named parameters."""
    from .doors import logl as door

    door.logl(modality, set_name, theta, out)


@app.command()
def narrow(
    modality: str,
    set_name: Annotated[str, typer.Option("--set", help="The set of observations.")],
    depth: Annotated[float, typer.Option(min=1, help="Nats below the maximum of S.")] = 12,
) -> None:
    """Print the ranges of theta that a set leaves, as `simulate.within` takes them: a second, narrower round."""
    from .doors import narrow as door

    print(door.narrow(modality, set_name, depth))


@app.command()
def independence(
    a: Annotated[str, typer.Argument(metavar="MODALITY")],
    table_a: Annotated[
        Path,
        typer.Argument(metavar="TABLE", help="As ingest takes it; row i of both tables is a pair."),
    ],
    b: Annotated[str, typer.Argument(metavar="MODALITY")],
    table_b: Annotated[Path, typer.Argument(metavar="TABLE")],
    theta: Annotated[
        Path | None,
        typer.Option(help="A CSV file with the theta of every pair, if not one for all."),
    ] = None,
    false_alarm: Annotated[
        float, typer.Option(min=0.01, max=0.5, help="How often independence may be denied.")
    ] = 0.05,
) -> None:
    """Are two modalities independent given theta, on paired observations? Status 1 if they are not."""
    from .doors import independence as gate

    found = gate.independence((a, b), (table_a, table_b), theta, false_alarm)
    print(gate.said(found))
    found.warn()
    raise typer.Exit(int(found.fires))


@app.command()
def influence(
    fusion: Annotated[str, typer.Argument(metavar="FUSION")],
    out: Annotated[
        Path | None, typer.Option(help="Where to write every row, shard and modality, as CSV.")
    ] = None,
) -> None:
    """Which modality and which row pulls theta_hat, and how far."""
    from .doors import influence as door

    print(door.influence(fusion, out))


@app.command()
def verify(
    what: Annotated[
        str,
        typer.Argument(metavar="FOLDER|MODALITY", help="An encoder's folder, or whose champion."),
    ],
) -> None:
    """Is an encoder the one that was made, and does its psi say what it said?"""
    from .doors import verify as door

    print(door.verify(what))


@app.command()
def modalities() -> None:
    """List the modalities: parameters, sets, champion."""
    from .doors import listings

    print(listings.modalities())


@app.command()
def fusions() -> None:
    """List the fusions of params.yaml: what each one sums."""
    from .doors import listings

    print(listings.fusions())


_usual = warnings.formatwarning


def _sentence(message: Any, category: type[Warning], *where: Any, **line: Any) -> str:
    named = issubclass(category, AddendWarning)
    return (
        f"addend: {category.__name__}: {message}\n"
        if named
        else _usual(message, category, *where, **line)
    )


def main() -> None:
    """The console script."""
    warnings.formatwarning = _sentence
    share_instructions()
    try:
        with os_errors_named():
            app()
    except AddendError as e:
        print(f"addend: {e}", file=sys.stderr)
        sys.exit(2)
