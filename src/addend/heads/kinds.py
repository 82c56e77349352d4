"""The kinds of head by name, and any of them from what it says of itself."""

from typing import Any

from ..errors import BadSetting
from .base import Head
from .categorical import Categorical
from .corrected import Corrected
from .distilled import Distilled
from .ensemble import Ensemble
from .exponential import Exponential
from .flow import Flow
from .ratio import Ratio
from .selfnormalised import SelfNormalised
from .stated import Stated

HEADS: dict[str, type[Head]] = {
    head.kind: head
    for head in (
        Categorical,
        Corrected,
        Distilled,
        Ensemble,
        Exponential,
        Flow,
        Ratio,
        SelfNormalised,
        Stated,
    )
}


def build(kind: str, config: dict[str, Any]) -> Head:
    """The head whose `as_dict` said `kind` and `config`, untrained, with every head inside it.

    Raises:
        BadSetting: There is no such kind.
    """
    if kind not in HEADS:
        raise BadSetting(
            f"there is no head '{kind}', expected one of {', '.join(HEADS)}", "name one of them"
        )
    return HEADS[kind].from_config(config, build)
