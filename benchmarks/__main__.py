"""`python -m benchmarks [name ...] [--quick]`: run all, or the named ones."""

import argparse
import os
from importlib import import_module

NAMES = (
    "efficiency",
    "speed",
    "training",
    "slcp",
    "trust",
    "programs",
    "see",
    "information",
    "labels",
    "budget",
    "rounds",
    "sirens",
    "sky",
)


def main() -> None:
    """Run what was asked for, single-threaded."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        choices=[*NAMES, []],
        metavar="name",
        help=f"one or more of {', '.join(NAMES)}",
    )
    parser.add_argument(
        "--quick", action="store_true", help="two minutes at most each, for a first look"
    )
    parser.add_argument("--tasks", nargs="*", help="efficiency: the simulators to use")
    parser.add_argument("--methods", nargs="*", help="efficiency: flow, ratio, exponential")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    for name in arguments.names or NAMES:
        options = (
            {"tasks": arguments.tasks, "methods": arguments.methods} if name == "efficiency" else {}
        )
        import_module(f"benchmarks.{name}").run(arguments.quick, **options)


if __name__ == "__main__":
    main()
