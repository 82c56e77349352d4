"""An encoder that was altered is found out, also by whoever signs it again; one of another format says so."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from addend import artifact, places, vectors
from addend.champions import champion
from addend.cli import main
from addend.doors.verify import verify
from addend.encoder import Encoder
from addend.errors import NoChampion, PsiChanged, TamperedArtifact, UnknownFormat


@pytest.fixture
def copy(project, tmp_path):
    """A copy of the toy's encoder, to be altered."""
    return shutil.copytree(places.encoder("toy", "head"), tmp_path / "encoder")


def alter(folder):
    """One weight of the head, by a part in a million."""
    weights = load_file(folder / "head.safetensors")
    name = next(k for k, v in weights.items() if v.abs().max() > 0)
    weights[name] = weights[name] * (1 + 1e-6)
    save_file(weights, folder / "head.safetensors")


def sign(folder, **changes):
    """A manifest of the files as they are."""
    stated = json.loads((folder / "manifest.json").read_text())
    files = {name: artifact.file_digest(folder / name) for name in stated["files"]}
    (folder / "manifest.json").write_text(json.dumps({**stated, "files": files, **changes}))


def test_an_encoder_that_is_whole_is_said_to_be_in_one_line(project, copy):
    said = verify(str(copy))
    assert said.startswith(
        f"toy {artifact.digest(copy)[:12]}: 7 files have their sha256, and psi at 64"
    )
    assert verify("toy").startswith(f"toy {artifact.digest(champion('toy'))[:12]}: ")
    assert "\n" not in said


def test_the_vectors_are_psi_in_double_precision_to_twelve_digits(copy):
    stored, encoder = load_file(copy / vectors.FILE), Encoder.load(copy)
    columns = {name: stored[f"columns.{name}"].numpy() for name in encoder.schema.names}
    psi = encoder.outer(columns, stored["theta"])
    assert psi.dtype == stored["psi"].dtype == torch.float64 and psi.shape == (8, 8)
    np.testing.assert_allclose(stored["psi"], psi, rtol=5.1e-12)
    assert len(np.unique(stored["theta"], axis=0)) == 8


def test_an_altered_weight_is_refused_by_its_digest(project, copy):
    alter(copy)
    with pytest.raises(TamperedArtifact, match=r"head\.safetensors"):
        verify(str(copy))


def test_an_altered_weight_that_was_signed_again_is_refused_by_its_psi(project, copy):
    alter(copy)
    sign(copy)
    Encoder.load(copy)
    with pytest.raises(
        PsiChanged, match=r"psi of encoder 'toy' is off by .* expected at most 1e-10"
    ):
        verify(str(copy))


@pytest.mark.slow
def test_from_a_shell_a_changed_psi_is_one_sentence_with_status_2(project, copy):
    alter(copy)
    sign(copy)
    command = [sys.executable, "-c", "from addend.cli import main; main()", "verify", str(copy)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "" and "stored points" in done.stderr
    assert done.stderr.startswith("addend: ") and done.stderr.count("\n") == 1


def test_the_command_refuses_an_altered_weight_with_status_2(project, copy, monkeypatch, capsys):
    alter(copy)
    monkeypatch.setattr(sys, "argv", ["addend", "verify", str(copy)])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "head.safetensors of encoder 'toy' has sha256" in capsys.readouterr().err


def test_an_encoder_without_vectors_says_so_and_what_to_do(project, copy):
    stated = json.loads((copy / "manifest.json").read_text())
    (copy / vectors.FILE).unlink()
    files = {name: digest for name, digest in stated["files"].items() if name != vectors.FILE}
    (copy / "manifest.json").write_text(json.dumps({**stated, "files": files}))
    with pytest.raises(PsiChanged, match=r"'toy' of format 3 stores no psi .* register it again"):
        verify(str(copy))


@pytest.mark.parametrize("other", [4, 0, "3", None, {}, [1], True])
def test_another_format_is_named_with_the_one_that_is_known(project, copy, other):
    sign(copy, format=other)
    named = rf"format {re.escape(repr(other))}, known is 3; install the core"
    with pytest.raises(UnknownFormat, match=named):
        Encoder.load(copy)


@pytest.mark.parametrize("old", [1, 2])
def test_a_format_whose_files_could_act_is_refused_by_name(project, copy, old):
    sign(copy, format=old)
    with pytest.raises(
        UnknownFormat, match=r"\.pt2 archives run code in whoever loads them; train"
    ):
        Encoder.load(copy)


def test_what_is_no_encoder_and_no_modality_has_no_champion(project):
    with pytest.raises(NoChampion):
        verify("masers")
    with pytest.raises(TamperedArtifact, match=r"manifest masers/manifest\.json is missing"):
        verify("./masers")
