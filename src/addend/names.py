"""What may name a modality, a set or a fusion: what can name a folder and leads nowhere else."""

import re

from .errors import BadSetting, shown

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def plain(name: str) -> str:
    """The name, if it can name a folder; else raises `BadSetting`."""
    if not NAME.fullmatch(name):
        raise BadSetting(
            f"{shown(name)} cannot name a folder",
            "use at most 100 letters, digits, '.', '_' and '-', a letter or digit first",
        )
    return name
