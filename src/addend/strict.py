"""JSON in which every name stands once and every number is one: what the standard reader lets pass in silence."""

import json
import math
from typing import Any

from .errors import shown


def strict(text: str | bytes) -> Any:
    """What a text of JSON says; `ValueError` where it is none, a name stands twice, or a number is not finite."""
    return json.loads(text, object_pairs_hook=_once, parse_constant=_finite, parse_float=_finite)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {shown(twice)} stands twice")
    return found


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is no number of JSON")
    return number
