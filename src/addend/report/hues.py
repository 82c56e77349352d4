"""Which colour a modality has on the page of a fusion."""

from ..fusion.answer import Answer
from .drawing import HUES


def hues(answer: Answer) -> dict[str, str]:
    """A colour for each modality of a fusion, in the answer's order."""
    return {m: HUES[i % len(HUES)] for i, m in enumerate(answer.modalities)}
