"""The same verbs from a shell. A named mistake is one sentence on standard error and status 2.

Each verb imports what it needs when it is called, so that the command itself starts quickly.
"""

import sys
from importlib import import_module

import typer

from .errors import AddendError

app = typer.Typer(help="Multimodal inference by addition.", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

STAGES = {
    "observe": ("training", "observe", "Bring the sets that a modality ships into shards."),
    "simulate": ("training", "simulate", "Draw the pools that a modality is trained, calibrated and audited on."),
    "pretrain": ("training", "pretrain", "Make and export f_m."),
    "finetune": ("training", "finetune", "Train g_m."),
    "calibrate": ("calibrate", "calibrate", "Measure what an encoder's errors are, on simulations it never saw."),
    "register": ("register", "register", "Register an encoder; promote it if its record passes the gate."),
}
FUSIONS = {
    "gather": ("fusion", "gather", "Collect the sets a fusion names, or draw mock ones at its truth."),
    "resolve": ("fusion", "resolve", "Pin the champion of every modality of a fusion."),
    "evaluate": ("fusion", "evaluate", "Do the work that depends on the observations alone."),
    "fuse": ("fit", "fuse", "Add, maximise, and say how sure one can be."),
    "calibrate-fusion": ("calibrate_fusion", "calibrate", "Pseudo-experiments at the fusion's own composition."),
    "report": ("report", "report", "Write summary.json and the page of a fusion."),
    "show": ("report", "show", "Print the answer of a fusion."),
}


def _add(command: str, where: tuple[str, str, str], argument: str) -> None:
    module, function, text = where

    def verb(name: str = typer.Argument(metavar=argument)) -> None:
        getattr(import_module(f"addend.stages.{module}"), function)(name)

    app.command(command, help=text)(verb)


for _command, _where in STAGES.items():
    _add(_command, _where, "MODALITY")
for _command, _where in FUSIONS.items():
    _add(_command, _where, "FUSION")


def main() -> None:
    """The console script."""
    try:
        app()
    except AddendError as e:
        print(f"addend: {e}", file=sys.stderr)
        sys.exit(2)
