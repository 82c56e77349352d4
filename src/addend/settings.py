"""What a fusion of params.yaml may say.

    <fusion>:
      modalities: {<modality>: {set: <set>, optional: true}}    # optional: dropped where it cannot be used, not refused
      truth: {<parameter>: 70.0}       # mock observations drawn there, by this seed
      seed: 1
      calibrate: {teach: 3000, audit: 500, seed: 1}
      correction: {centring: true, weights: godambe, local: 20}     # each alone, or together; `local` stands for 20
      beyond_trust: allow

The shape is judged here, before anything runs; what `calibrate` and `beyond_trust` may hold, by the stage that uses them.
"""

import math

from .errors import BadSetting


def require_fusion(name: str, found: object) -> dict:
    """The settings of a fusion; raises `BadSetting` unless they have this shape."""
    where = f"fusion '{name}' of params.yaml"
    _require(where, found, FUSION, "modalities")
    if "truth" in found:
        _require(where, found, FUSION, "seed")
    for modality, wanted in found["modalities"].items():
        _require(f"modality '{modality}' of {where}", wanted, TERM, "set")
    require_correction(f"correction of {where}", found.get("correction"))
    return found


def require_correction(where: str, found: object) -> None:
    """Raise `BadSetting` unless `found` is a correction, or None."""
    if found is not None and found != "local":
        _require(where, found, CORRECTION)


def _require(where: str, found: object, rules: dict, needed: str | None = None) -> None:
    """Raise `BadSetting` unless `found` has the key that is needed, and no value that its rule does not allow."""
    if not isinstance(found, dict):
        raise BadSetting(f"{where} is {found!r}, expected {', '.join(rules)}", "mend it")
    if needed and needed not in found:
        raise BadSetting(f"{where} has no '{needed}', expected {rules[needed][1]}", "add it")
    for key, value in found.items():
        if key not in rules:
            raise BadSetting(
                f"{where} has the key '{key}', expected {', '.join(rules)}", "correct or remove it"
            )
        if not rules[key][0](value):
            raise BadSetting(
                f"'{key}' of {where} is {value!r}, expected {rules[key][1]}", "mend it"
            )


def _names(value: object) -> bool:
    return isinstance(value, dict) and len(value) > 0


def _point(value: object) -> bool:
    return _names(value) and all(
        isinstance(v, int | float) and math.isfinite(v) for v in value.values()
    )


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _enough(value: object) -> bool:
    return _whole(value) and value >= LEAST


def _judged_later(value: object) -> bool:
    return True


LEAST = 5
"""Simulations an observation, below which local calibration is refused."""
FUSION = {
    "modalities": (_names, "every modality with its set, as in 'toy: {set: line}'"),
    "truth": (_point, "a finite number for every parameter"),
    "seed": (_whole, "a whole number from 0 up"),
    "calibrate": (lambda value: value is None or isinstance(value, dict), "numbers by name"),
    "correction": (_judged_later, ""),
    "beyond_trust": (_judged_later, ""),
}
TERM = {
    "set": (
        lambda value: isinstance(value, str) and value != "",
        "the name of a set, in quotes if it is a number",
    ),
    "optional": (lambda value: isinstance(value, bool), "true or false"),
}
CORRECTION = {
    "local": (_enough, f"a whole number from {LEAST} up"),
    "centring": (lambda value: isinstance(value, bool), "true or false"),
    "weights": (lambda value: value == "godambe", "godambe"),
}
