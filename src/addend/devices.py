"""Where networks are trained."""

import torch

from .errors import BadSetting


def device(asked: str, setting: str) -> str:
    """`cpu` or `cuda`; `auto` is an accelerator if there is one.

    Arguments:
        setting: What asks for it, for the sentence of `BadSetting` where the one that was asked for is not there.
    """
    there = torch.cuda.is_available()
    if asked == "cuda" and not there:
        said = f"{setting} is cuda, and no such device is at hand"
        raise BadSetting(said, "write 'cpu' or 'auto'")
    return "cuda" if there and asked != "cpu" else "cpu"
