"""Parameters: the one agreement between teams.

theta lives in names. A `Parameter` says what a number means, in which unit, between which bounds and under which
prior; a `ParameterSpace` is an ordered set of them. Arrays of theta have shape `(*, D)` with the columns in the order
of the space; everything else (alignment of sums, subsets, digests) goes by name.

A *constraint* is the auxiliary measurement that comes with a parameter, such as eta ~ N(0, 1): it is a term of S of
its own, added once whichever modalities use the parameter. It is not part of the prior.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from . import settings
from .errors import BadSetting, DefinitionMismatch, OutsideSupport, UnknownParameter


@dataclass(frozen=True)
class Parameter:
    """One number that observations depend on.

    Arguments:
        name: The name, as in `H0`, or `chronometers.eta_imf` for a nuisance that one modality alone has.
        unit: Its unit, `1` where it has none.
        definition: What it means, in a sentence; part of the digest.
        low, high: The support of its uniform prior.
        latex: How it is typeset, without dollar signs.
        constraint: `(mean, standard deviation)` of its Gaussian constraint term, or None.
    """

    name: str
    unit: str
    definition: str
    low: float
    high: float
    latex: str = ""
    constraint: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise BadSetting(
                f"the bounds of '{self.name}' are [{self.low}, {self.high}], expected two finite numbers, the lower first",
                "mend low and high in its parameters.yaml",
            )

    @property
    def digest(self) -> str:
        """sha256 of the meaning: name, unit and definition. Bounds are a choice, not a meaning."""
        return _digest([self.name, self.unit, " ".join(self.definition.split())])

    def as_dict(self) -> dict[str, Any]:
        """The declaration as plain JSON."""
        return {
            "name": self.name, "unit": self.unit, "definition": self.definition, "low": self.low, "high": self.high,
            "latex": self.latex, "constraint": list(self.constraint) if self.constraint else None,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> "Parameter":
        """The parameter that `as_dict` described."""
        stated = d.get("constraint")
        constraint: Any = tuple(map(float, stated)) if stated else None
        return cls(
            name=d["name"], unit=str(d["unit"]), definition=d["definition"], low=float(d["low"]), high=float(d["high"]),
            latex=d.get("latex") or d["name"], constraint=constraint,
        )  # fmt: skip


@dataclass(frozen=True)
class ParameterSpace:
    """An ordered set of parameters. Iterates over them; its length is D.

    >>> a = Parameter("a", "1", "the first", -1.0, 1.0)
    >>> b = Parameter("b", "1", "the second", 0.0, 4.0)
    >>> (ParameterSpace((a,)) | ParameterSpace((b, a))).names
    ('a', 'b')
    """

    parameters: tuple[Parameter, ...]

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        self.index([name])
        return next(p for p in self if p.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(p.name for p in self)

    @property
    def low(self) -> np.ndarray:
        """Lower bounds `(D,)`, each in its parameter's unit."""
        return np.array([p.low for p in self], dtype=np.float64)

    @property
    def high(self) -> np.ndarray:
        """Upper bounds `(D,)`, each in its parameter's unit."""
        return np.array([p.high for p in self], dtype=np.float64)

    @property
    def digest(self) -> str:
        """sha256 over the meanings of these parameters alone, whatever their order."""
        return _digest(sorted(p.digest for p in self))

    def index(self, names: Sequence[str]) -> list[int]:
        """The columns of the named parameters.

        Raises:
            UnknownParameter: A name that is not in this space.
        """
        for name in names:
            if name not in self.names:
                raise UnknownParameter(
                    f"'{name}' is not a parameter here, expected one of {', '.join(self.names) or 'none'}",
                    "correct the name, or declare it in parameters.yaml",
                )
        return [self.names.index(name) for name in names]

    def subset(self, names: Sequence[str]) -> "ParameterSpace":
        """The named parameters, in the order of `names`."""
        return ParameterSpace(tuple(self.parameters[i] for i in self.index(names)))

    def within(self, ranges: Mapping[str, tuple[float, float]]) -> "ParameterSpace":
        """The same parameters, some of them in narrower ranges; raises `BadSetting` for one that is not inside its support."""
        self.index(list(ranges))
        return ParameterSpace(
            tuple(_narrowed(p, *ranges.get(p.name, (p.low, p.high))) for p in self)
        )

    def __or__(self, other: "ParameterSpace") -> "ParameterSpace":
        """The union by name, on the intersection of the two supports.

        Raises:
            DefinitionMismatch: One name with two meanings.
        """
        merged = {p.name: p for p in self}
        for p in other:
            merged[p.name] = _meet(merged[p.name], p) if p.name in merged else p
        return ParameterSpace(tuple(merged.values()))

    def require_same(self, other: "ParameterSpace", mine: str, theirs: str) -> None:
        """Raise `DefinitionMismatch` unless every name both have means the same in both."""
        for p in self:
            if p.name in other.names:
                _require_same(p, other[p.name], mine, theirs)

    def to_unit(self, theta: Any) -> Any:
        """theta `(*, D)` to the unit cube."""
        return (theta - self.low) / (self.high - self.low)

    def from_unit(self, u: Any) -> Any:
        """The unit cube to theta `(*, D)`."""
        return self.low + (self.high - self.low) * u

    def inside(self, theta: np.ndarray) -> np.ndarray:
        """Whether each theta `(*, D)` lies in the support, shape `(*,)`; a NaN does not."""
        within: Any = (theta >= self.low) & (theta <= self.high)
        return within.all(axis=-1)

    def require_inside(self, theta: np.ndarray) -> None:
        """Raise `OutsideSupport` unless every theta `(*, D)` lies in the support."""
        outside = ~self.inside(np.asarray(theta))
        if outside.any():
            point = np.asarray(theta).reshape(-1, len(self))[outside.reshape(-1).argmax()]
            d = int(np.argmax(~((point >= self.low) & (point <= self.high))))
            p = self.parameters[d]
            unit = "" if p.unit == "1" else f" {p.unit}"
            raise OutsideSupport(
                f"{p.name} = {point[d]:g} is outside its support [{p.low:g}, {p.high:g}]{unit}",
                "move theta inside, or train an encoder on a wider support",
            )

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n draws from the uniform prior, shape `(n, D)`."""
        return self.from_unit(rng.random((n, len(self))))

    def as_list(self) -> list[dict[str, Any]]:
        """The declarations as plain JSON."""
        return [p.as_dict() for p in self]

    @classmethod
    def from_list(cls, items: Iterable[dict[str, Any]]) -> "ParameterSpace":
        """The space that `as_list` described."""
        return cls(tuple(Parameter.from_dict(d) for d in items))


def read_agreement(root: Path) -> ParameterSpace:
    """Every declared parameter: the root `parameters.yaml`, then `modalities/<m>/parameters.yaml` as `<m>.<name>`.

    Raises:
        BadSetting: A file that is missing or cannot be used as it stands.
    """
    root = Path(root)
    declared = _declared(root / "parameters.yaml", prefix="")
    for path in sorted(root.glob("modalities/*/parameters.yaml")):
        declared += _declared(path, prefix=f"{path.parent.name}.")
    return ParameterSpace(tuple(declared))


def read_support(root: Path, modality: str, names: Sequence[str]) -> ParameterSpace:
    """The parameters of a modality where its simulations are drawn: its support, or `simulate.within` of its params.yaml."""
    asked = settings.modality(root, modality).simulate
    return read_agreement(root).subset(names).within(asked.within)


def _declared(path: Path, prefix: str) -> list[Parameter]:
    return [
        Parameter.from_dict({"name": prefix + name, **asdict(found)})
        for name, found in settings.declarations(path).items()
    ]


def _narrowed(p: Parameter, low: float, high: float) -> Parameter:
    if not p.low <= low < high <= p.high:
        raise BadSetting(
            f"the range [{low:g}, {high:g}] of '{p.name}' is not inside its support [{p.low:g}, {p.high:g}]",
            "clip it to the support, or widen that in parameters.yaml",
        )
    return replace(p, low=low, high=high)


def _meet(a: Parameter, b: Parameter) -> Parameter:
    _require_same(a, b, "one place", "another")
    low, high = max(a.low, b.low), min(a.high, b.high)
    return replace(a, low=low, high=high, constraint=a.constraint or b.constraint)


def _require_same(a: Parameter, b: Parameter, mine: str, theirs: str) -> None:
    if a.digest != b.digest:
        raise DefinitionMismatch(
            f'parameter \'{a.name}\' is "{a.definition}" [{a.unit}] in {mine} but "{b.definition}" [{b.unit}] in {theirs}',
            "rename one of the two, or agree on one definition and retrain",
        )


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
