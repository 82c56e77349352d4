"""What an encoder's manifest may say: a dataclass a part, judged whole before any file that it names is opened.

The manifest comes from another team. Each part has its kind and its limits, an unknown one is refused, and so is a file of a
name that is not in `FILES`: none can lead out of its folder.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NoReturn, cast

from .errors import DISTRUST, BadField, BadSetting, UnfitManifest, shown
from .field import DTYPES, KINDS
from .schema import Schema
from .settings.kinds import FINITE, Flag, Name, Number, Whole, one_of, several, text, whole
from .settings.sections import Kind, Unfit, mapping, section

FORMAT = 3
NEEDED = (
    "backbone.json", "backbone.safetensors", "coordinates.json", "coordinates.safetensors", "head.safetensors",
)  # fmt: skip
FILES = (*NEEDED, "head.json", "history.json", "record.json", "vectors.safetensors")
"""Every file that an encoder may have; nothing but JSON and numbers."""
MOST_LETTERS, WIDEST, MOST_PARTS, DEEPEST = 400, 4096, 256, 6
MOST_ELEMENTS = 2**24
"""Of one entry of a field: sixteen maps of 1024 by 1024."""


def _line(found: object, where: str) -> str:
    if not isinstance(found, str) or len(found) > MOST_LETTERS or not found.isprintable():
        raise Unfit
    return found


def settings_of(widest: int) -> Kind:
    """Plain settings: words, flags, finite numbers no larger than `widest`, and a few lists and mappings of them."""

    def read(found: object, where: str) -> object:
        _require_modest(mapping(found, where), widest, 0)
        return found

    return Kind(f"plain settings, no whole number above {widest:,}", read)


def _require_modest(found: object, widest: int, level: int) -> None:
    if isinstance(found, Mapping | list):
        if level > DEEPEST or len(found) > MOST_PARTS:
            raise Unfit
        for each in found.values() if isinstance(found, Mapping) else found:
            _require_modest(each, widest, level + 1)
    elif isinstance(found, str):
        _line(found, "")
    elif isinstance(found, int) and not 0 <= found <= widest:
        raise Unfit
    elif isinstance(found, float) and not math.isfinite(found):
        raise Unfit


def each_of(cls: type) -> Kind:
    """A list of one or more, at most `MOST_PARTS`, each a section of that class."""

    def read(found: object, where: str) -> tuple[object, ...]:
        if not isinstance(found, list) or not 1 <= len(found) <= MOST_PARTS:
            raise Unfit
        return tuple(section(cls, each, f"part {i + 1} of {where}") for i, each in enumerate(found))

    return Kind("a list", read)


def any_of(cls: type) -> Kind:
    """A list of that class that may be empty."""
    some = each_of(cls)
    return Kind("a list", lambda found, where: () if found == [] else some.read(found, where))


def within(cls: type) -> Kind:
    """A section of that class."""
    return Kind("names with their values", lambda found, where: section(cls, found, where))


def _none_or(kind: Kind) -> Kind:
    return Kind(kind.expected, lambda found, where: found and kind.read(found, where))


def _ranges(found: object, where: str) -> dict[str, tuple[float, ...]]:
    """The least and the greatest value of each, by name."""
    stated = mapping(found, where)
    read: dict[str, Any] = {name: PAIR.read(ends, where) for name, ends in stated.items()}
    if len(read) > MOST_PARTS or any(len(e) != 2 or e[0] > e[1] for e in read.values()):
        raise Unfit
    return read


def _digests(found: object, where: str) -> dict[str, str]:
    stated = mapping(found, where, FILES)
    lacking, strange = set(NEEDED) - set(stated), set(stated) - set(FILES)
    if lacking or strange or not all(map(_is_digest, stated.values())):
        raise Unfit
    return {name: str(digest) for name, digest in stated.items()}


def _is_digest(found: object) -> bool:
    return isinstance(found, str) and len(found) == 64 and set(found) <= set("0123456789abcdef")


SAID = Kind(f"one line of at most {MOST_LETTERS} letters", _line)
SETTINGS = settings_of(WIDEST)
PAIR = several(FINITE, "two finite numbers")
Line = Annotated[str, SAID]
Numbers = Annotated[tuple[float, ...], several(FINITE, "a list of finite numbers")]
Digest = Annotated[str, text("a sha256 in hexadecimal digits", _is_digest)]
Width = Annotated[int, whole(0, WIDEST)]


@dataclass(frozen=True)
class ParameterPart:
    """A parameter as the encoder was trained on it; `Parameter` says what each is."""

    name: Name
    unit: Line
    definition: Line
    low: Number
    high: Number
    latex: Line
    constraint: Annotated[tuple[float, ...] | None, _none_or(PAIR)] = None


@dataclass(frozen=True)
class FieldPart:
    """A column of an observation; `Field` says what each is."""

    name: Name
    unit: Line
    meaning: Line
    positive: Flag
    noise: Flag
    error: Annotated[str | None, _none_or(SAID)] = None
    present: Annotated[str | None, _none_or(SAID)] = None
    shape: Annotated[tuple[int, ...], several(whole(1, MOST_ELEMENTS), "a list of sizes")] = ()
    dtype: Annotated[str, one_of(*DTYPES)] = "float64"
    mask: Annotated[str | None, _none_or(SAID)] = None
    kind: Annotated[str, one_of(*KINDS)] = "real"
    categories: Annotated[int | None, whole(2, WIDEST)] = None


@dataclass(frozen=True)
class SchemaPart:
    """The columns of an observation."""

    observables: Annotated[tuple[FieldPart, ...], each_of(FieldPart)]
    covariates: Annotated[tuple[FieldPart, ...], any_of(FieldPart)]


@dataclass(frozen=True)
class BoxPart:
    """Centre and half-width of each coordinate of theta."""

    centre: Numbers
    half: Numbers


@dataclass(frozen=True)
class HeadPart:
    """The kind of g_m and its settings."""

    kind: Line
    config: Annotated[Mapping[str, Any], SETTINGS]


@dataclass(frozen=True)
class Manifest:
    """The whole: what the encoder is, how large each part is, and the sha256 of every file.

    Arguments:
        format: `FORMAT`.
        name, title: Of the modality.
        parameters, definitions: What psi depends on, and the sha256 of their meanings.
        schema: The columns of an observation.
        coordinates: Their box.
        z, e: Numbers of features that f_m makes of observables and covariates.
        log_det, invertible: Whether f_m gives log|det|, and whether x can be had back from z.
        head: The kind of g_m and its settings.
        objective, training, provenance: How it was made, in words and plain settings.
        files: sha256 of every file.
        covariate_ranges: The least and the greatest value of each covariate in training.
    """

    format: Whole
    name: Name
    title: Line
    parameters: Annotated[tuple[ParameterPart, ...], each_of(ParameterPart)]
    definitions: Digest
    schema: Annotated[SchemaPart, within(SchemaPart)]
    coordinates: Annotated[BoxPart, within(BoxPart)]
    z: Width
    e: Width
    log_det: Flag
    invertible: Flag
    head: Annotated[HeadPart, within(HeadPart)]
    objective: Line
    training: Annotated[Mapping[str, Any], settings_of(2**63 - 1)]
    provenance: Annotated[Mapping[str, Any], SETTINGS]
    files: Annotated[
        Mapping[str, str], Kind(f"the sha256 of {', '.join(NEEDED)} and no others", _digests)
    ]
    covariate_ranges: Annotated[
        Mapping[str, tuple[float, ...]], Kind("two finite numbers by name", _ranges)
    ] = field(default_factory=dict)


def require_fit(found: object, where: str) -> None:
    """Raise `UnfitManifest` unless `found` is what a manifest may be; it names the part that is not."""
    try:
        stated = section(Manifest, found, where)
        Schema.from_dict(cast(Any, found)["schema"])
    except (BadSetting, BadField) as e:
        _refuse(e.what)
    box, names = stated.coordinates, [p.name for p in stated.parameters]
    if len(box.centre) != len(box.half) or not all(half > 0 for half in box.half):
        _refuse(
            f"{where} states widths of its coordinates {shown(box.half)}, expected all above zero"
        )
    if len(set(names)) != len(names):
        _refuse(f"{where} states a parameter twice")


def _refuse(what: str) -> NoReturn:
    raise UnfitManifest(what, DISTRUST)
