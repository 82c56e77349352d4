"""Numbers of a fusion as they were before there was an `Answer`: whoever rearranges the house finds them unchanged.

The lines of `repeated_lines`, 450 repetitions that teach and 60 that audit. On the machine that wrote the file they are equal
to 7e-16; ascents that end within 1e-10 nats leave processors 1e-9 to differ by.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from answered import answered
from repeated_lines import laboratory

GOLDEN = json.loads((Path(__file__).parent / "golden" / "lines.json").read_text())


@pytest.fixture(scope="module")
def answer():
    torch.set_num_threads(1)
    return answered(laboratory())


def leaves(tree, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number of nested mappings and sequences, with where it is."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, f"{path}/{key}")
    elif isinstance(tree, list | tuple):
        for i, value in enumerate(tree):
            yield from leaves(value, f"{path}[{i}]")
    else:
        yield path, float(tree)


def test_the_numbers_of_a_fusion_are_what_they_were(answer):
    blocks = answer.calibration
    stated = {
        "parameters": {
            p: {k: getattr(answer.parameters[p], k) for k in kept}
            for p, kept in GOLDEN["parameters"].items()
        },
        "tension": {"Q": answer.tension.Q, "dof": answer.tension.dof},
        "simulated": blocks["tension"]["simulated"],
        "pulls": {k: blocks["pulls"][k] for k in ("mean", "spread")},
        "hits": {m: answer.errors[m].hits["together"] for m in GOLDEN["hits"]},
        "weight": {m: list(a.weight.values()) for m, a in answer.modalities.items()},
    }
    expected = {k: v for k, v in GOLDEN.items() if k != "weight"}
    known = {m: [w for w in row if w == w] for m, row in GOLDEN["weight"].items()}
    known["right"] = known["right"][:2]
    ours, theirs = dict(leaves(stated)), dict(leaves({**expected, "weight": known}))
    assert set(ours) == set(theirs)
    off = {k: abs(ours[k] - v) / max(abs(v), 1e-300) for k, v in theirs.items()}
    worst = max(off, key=off.get)
    print(f"{len(off)} numbers; the furthest is {worst}, off by {off[worst]:.1g} of itself")
    assert off[worst] < 1e-9
