"""What is damaged, missing or misnamed is one sentence and status 2; every store stays as it was."""

import json

import pytest
from refusals import changed

from addend import evaluated, places
from addend.errors import (
    BadSetting,
    DefinitionMismatch,
    NoChampion,
    NoObservations,
    TamperedArtifact,
    UnknownModality,
)
from addend.registry import Registry
from addend.sealed import write_json
from addend.stages import evaluate, gather, resolve

GOOD = "t, y [1], y_err\n0.1, 0.5, 0.2\n-0.3, 0.2, 0.1\n"
POINTS = "toy.intercept,toy.slope\n0.0,0.5\n"
MASER_POINTS = "H0,Om\n70,0.3\n"
TOY = ("logl", "toy", "--set", "line", "--theta")
MASERS = ("logl", "masers", "--set", "pesce2020", "--theta")


@pytest.mark.parametrize("name", ["head.safetensors", "backbone.json", "manifest.json"])
def test_a_tampered_encoder_is_never_used(refuses, file, project, name):
    encoder = Registry(root=project).fetch(Registry(root=project).champion("toy"))
    content = bytearray((encoder / name).read_bytes())
    content[len(content) // 2] ^= 1
    with changed(encoder / name, bytes(content)):
        refuses(TamperedArtifact, "encoder", *TOY, file(POINTS))
        refuses(TamperedArtifact, "encoder", "resolve", "alone")


def test_a_tampered_shard_is_never_used(refuses, file, project):
    chunk = next(places.observations("toy", "line").glob("*.zarr/y/c/*"))
    with changed(chunk, chunk.read_bytes()[:-1] + b"\0"):
        refuses(TamperedArtifact, "damaged", *TOY, file(POINTS))
        refuses(TamperedArtifact, "damaged", "gather", "alone")


def test_a_parameter_that_means_something_else_is_refused(refuses, file, project):
    agreement = project / "modalities" / "toy" / "parameters.yaml"
    with changed(
        agreement, agreement.read_bytes().replace(b"definition: ", b"definition: not ", 1)
    ):
        refuses(DefinitionMismatch, "toy.intercept", *TOY, file(POINTS))
        refuses(DefinitionMismatch, "toy.intercept", "resolve", "alone")


def test_a_modality_without_a_champion_is_refused(refuses, file):
    refuses(NoChampion, "masers", *MASERS, file(MASER_POINTS))
    refuses(NoChampion, "optional: true", "resolve", "needs_champion")


PINS = {
    "a registry that was lost": (
        True,
        "every threshold is met",
        "'dvc repro -f -s modalities/masers/dvc.yaml:register'",
    ),
    "a refusal": (False, "its f_m keeps too little", "was refused (its f_m keeps too little)"),
}


@pytest.mark.parametrize("case", PINS)
def test_a_missing_champion_comes_with_the_remedy_that_fits(refuses, file, project, case):
    promoted, reason, said = PINS[case]
    pin = places.pin("masers")
    stands = {"modality": "masers", "digest": "0", "promoted": promoted, "reason": reason}
    write_json(pin, stands)
    try:
        refuses(NoChampion, said, *MASERS, file(MASER_POINTS))
        refuses(NoChampion, said, "resolve", "needs_champion")
    finally:
        pin.unlink()


def test_observations_that_are_not_there_are_refused(refuses, file):
    refuses(NoObservations, "absent", "logl", "toy", "--set", "absent", "--theta", file(POINTS))
    refuses(NoObservations, "absent", "gather", "needs_observations")
    refuses(NoObservations, "absent", "ingest", "toy", file(GOOD), "--set", "absent", "--append")


def test_names_that_nobody_gave_are_refused(refuses, file):
    refuses(UnknownModality, "tony", "ingest", "tony", file(GOOD), "--set", "mine")
    refuses(BadSetting, "no fusion 'reel'", "resolve", "reel")
    refuses(BadSetting, "cannot name a folder", "ingest", "toy", file(GOOD), "--set", "../mine")
    refuses(BadSetting, "cannot be opened", "ingest", "toy", "no-such.csv", "--set", "mine")
    given = (*TOY, file(POINTS))
    refuses(BadSetting, "cannot be written", *given, "--out", "no/such/folder.csv")


def test_a_term_that_may_be_dropped_is_dropped_by_name(project):
    """No champion for the masers, no observations of BAO: S is the toy's term alone."""
    for stage in (gather.gather, resolve.resolve, evaluate.evaluate):
        stage("lenient")
    facts = json.loads((places.fusion("lenient", "terms") / evaluated.TERMS).read_text())
    dropped = {name: fact["dropped"] for name, fact in facts.items()}
    print(dropped)
    assert dropped["toy"] is None and "no promoted encoder" in dropped["masers"] and dropped["bao"]
    assert facts["masers"]["n"] == facts["bao"]["n"] == 0 and facts["toy"]["n"] == 20
    terms = evaluated.read_terms("lenient")
    assert terms.used == ["toy"] and terms.scalar.space.names == ("toy.intercept", "toy.slope")


def test_a_champion_without_observations_is_dropped_and_an_empty_sum_refused(project):
    for stage in (gather.gather, resolve.resolve, evaluate.evaluate):
        stage("half")
    facts = json.loads((places.fusion("half", "terms") / evaluated.TERMS).read_text())
    assert "'absent' has no observations" in facts["toy"]["dropped"]
    with pytest.raises(NoObservations, match="every modality of the fusion is dropped: toy"):
        evaluated.read_terms("half")
