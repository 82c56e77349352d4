"""The same verbs from a shell. A named mistake is one sentence on standard error and status 2."""

import sys

import typer

from .errors import AddendError

app = typer.Typer(help="Multimodal inference by addition.", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@app.command()
def observe(modality: str) -> None:
    """Bring the sets that a modality ships into shards."""
    from .stages import training

    training.observe(modality)


@app.command()
def simulate(modality: str) -> None:
    """Draw the pools that a modality is trained, calibrated and audited on."""
    from .stages import training

    training.simulate(modality)


@app.command()
def pretrain(modality: str) -> None:
    """Make and export f_m."""
    from .stages import training

    training.pretrain(modality)


@app.command()
def finetune(modality: str) -> None:
    """Train g_m."""
    from .stages import training

    training.finetune(modality)


def main() -> None:
    """The console script."""
    try:
        app()
    except AddendError as e:
        print(f"addend: {e}", file=sys.stderr)
        sys.exit(2)
