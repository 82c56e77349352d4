"""The door of doubt: is an encoder the one that was made, and does it still say what it said?

    addend verify <folder>        any encoder's folder, wherever it came from
    addend verify <modality>      the champion of the registry

The core alone is needed, and no simulator: every file is held to its sha256, and psi to its value
at stored points.
"""

import os
from pathlib import Path

from .. import artifact, vectors
from ..champions import champion
from ..encoder import Encoder


def verify(what: str) -> str:
    """One sentence on an encoder that is whole.

    Raises:
        NoChampion: `what` names no folder of an encoder, and no modality with a promoted one.
        TamperedArtifact, UnknownFormat: It is not what its manifest states, or in no known format.
        PsiChanged: psi is not what it was, or nothing is stored to tell by.
    """
    given = os.sep in what or (Path(what) / artifact.MANIFEST).exists()
    folder = Path(what) if given else champion(what)
    encoder = Encoder.load(folder)
    off = vectors.largest_difference(encoder, folder)
    return (
        f"{encoder.name} {encoder.digest[:12]}: {len(encoder.manifest['files'])} files have their "
        f"sha256, and psi at {vectors.ROWS**2} stored points is what it was, to {off:.1g} at most."
    )
