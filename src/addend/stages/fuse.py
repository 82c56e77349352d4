"""`fuse`: the sum, its maximum, its intervals and posterior; each term alone, each left out, and whether they agree.

N is held against N* at theta_hat as soon as that is known.
"""

import torch

from .. import answers, evaluated, places, settings
from ..fusion.fit import fitted, pieces
from ..progress import progress
from ..sealed import sealed_folder


def fuse(fusion: str) -> None:
    """Fit S and everything that is said beside it; `answer.json` and `curves.npz`."""
    torch.set_num_threads(1)
    asked = settings.fusion(places.ROOT, fusion)
    terms = evaluated.read_terms(fusion)
    with progress(f"fuse {fusion}", 2 + pieces(terms), "posteriors and profiles") as update:
        allow = asked.beyond_trust or asked.correction.local is not None
        answer, curves = fitted(fusion, terms, asked.seed, asked.truth, update, allow)
    with sealed_folder(places.fusion(fusion, "fit")) as folder:
        answers.write_answer(folder / answers.ANSWER, answer)
        answers.write_curves(folder / answers.CURVES, curves)
