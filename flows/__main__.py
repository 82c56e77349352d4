"""`python -m flows`: bring the fusions up to date through the flow, and print what they say.

python -m flows fusions/sky/dvc.yaml      those that have a folder of their own

Where nothing is stale but the stages that DVC runs every time, those alone are run and no flow is started. A setting
that cannot be used is one sentence and status 2, before any stage runs.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from addend import places
from addend.errors import AddendError
from addend.judged import require_usable
from flows.children import StageFailed, repro
from flows.graph import Stage, plan, stale
from flows.report import reports, said

DIGITS = """\
On another x86-64 processor with AVX2 every file is the same, byte for byte. Elsewhere simulations are other draws, encoders
agree within their N*, and posterior samples within their noise; dvc.lock says so (docs/decisions/digits.md)."""


def main() -> None:
    """Run what is stale, then show each report, that of the first fusion last."""
    _require_settings()
    targets = sys.argv[1:] or None
    stages = plan(targets)
    if stale(stages) or _refresh(stages):
        from flows.pipeline import pipeline  # here, because Prefect takes two seconds to import

        try:
            pipeline(targets)
        except StageFailed as failure:
            sys.exit(str(failure))
    for stage in reversed(stages):
        for report in reports(stage):
            print(said(report))
    print(DIGITS)


def _require_settings() -> None:
    try:
        require_usable(places.ROOT)
    except AddendError as e:
        print(f"addend: {e}", file=sys.stderr)
        sys.exit(2)


def _refresh(stages: list[Stage]) -> list[Stage]:
    """Run the stages that always run; returns what is stale afterwards, and all if one failed: the flow tries again."""
    try:
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(
                pool.map(lambda stage: repro(stage.address, print), [s for s in stages if s.always])
            )
    except StageFailed:
        return stages
    return stale(stages)


if __name__ == "__main__":
    main()
