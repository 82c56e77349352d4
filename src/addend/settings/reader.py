"""The one reader of settings files: YAML in, plain names and values out, each of which means what it looks like.

`scalars` says what a word means. Refused besides: a key twice (YAML keeps the last in silence), a key that is no text,
tags, numbers that 64 bits do not hold, and what is nested or repeated beyond any use.
"""

import math
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ..errors import BadSetting, shown
from .scalars import MEANINGS, PATTERNS, REFUSED, TEXT

LONGEST, DEEPEST, MOST = 2**18, 20, 20_000
"""Bytes of a file, levels of nesting, and values in all, an alias counted as often as it is used."""
TOO_DEEP = f"it is nested deeper than {DEEPEST} levels"
QUOTES = "put it in quotes if it is text"
MAPPING, LIST = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"


def read(path: Path) -> dict[str, object]:
    """The names and values of a settings file.

    Raises:
        BadSetting: There is no such file, it is not YAML, or something in it is refused; the sentence names the line.
    """
    node = _composed(path, _text(path))
    if not isinstance(node, yaml.MappingNode):
        found = "nothing" if node is None else f"no names from line {_line(node)} on"
        raise BadSetting(
            f"{path} holds {found}, expected names with their values", "write 'name: value' lines"
        )
    return _Values(path).mapping(node, 1)


class _Loader(yaml.SafeLoader):
    """Composes nodes, no deeper than `DEEPEST`, tagged by what `scalars` says that they are."""

    yaml_implicit_resolvers = {None: PATTERNS}  # noqa: RUF012 (PyYAML's name and its way)
    level = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.level += 1
        if self.level > DEEPEST:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(None, None, TOO_DEEP, mark)
        node = super().compose_node(parent, index)
        self.level -= 1
        return node


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST + 1)
        if len(content) > LONGEST:
            raise BadSetting(f"{path} has more than {LONGEST:,} bytes", "shorten it")
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise BadSetting(
            f"there is no {path}", "run from the project's root, or create it"
        ) from None
    except UnicodeDecodeError as e:
        raise BadSetting(f"{path} is not UTF-8 at byte {e.start}", "save it as UTF-8") from None
    except OSError as e:
        raise BadSetting(f"{path} cannot be read ({e.strerror})", "make it a file") from None


def _composed(path: Path, text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as e:
        said = " ".join(filter(None, [e.context, e.problem]))
        where = f" line {e.problem_mark.line + 1}" if e.problem_mark else ""
        raise BadSetting(f"{path}{where} cannot be used: {said}", "mend it") from None
    except yaml.YAMLError as e:
        raise BadSetting(f"{path} is not YAML ({' '.join(str(e).split())})", "mend it") from None


class _Values:
    """The values of the nodes of one file."""

    def __init__(self, path: Path):
        self.path, self.count = path, 0

    def value(self, node: yaml.Node, level: int) -> object:
        self.count += 1
        if level > DEEPEST or self.count > MOST:
            self._refuse(node, TOO_DEEP if level > DEEPEST else f"more than {MOST:,} values", "cut")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, level)
        if isinstance(node, yaml.SequenceNode):
            self._require(node, LIST)
            return [self.value(item, level + 1) for item in node.value]
        return self.scalar(node)

    def mapping(self, node: yaml.MappingNode, level: int) -> dict[str, object]:
        self._require(node, MAPPING)
        found: dict[str, object] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            name = self.name(key)
            if name in found:
                twice = f"the key {shown(name)} stands twice, first in line {lines[name]}"
                self._refuse(key, twice, "keep one of them")
            found[name], lines[name] = self.value(value, level + 1), _line(key)
        return found

    def name(self, key: yaml.Node) -> str:
        name = self.scalar(key) if isinstance(key, yaml.ScalarNode) else None
        if not isinstance(name, str) or not name:
            what = shown(key.value) if isinstance(key, yaml.ScalarNode) else "that is a collection"
            self._refuse(key, f"the key {what} is no text, expected a name", QUOTES)
        return name

    def scalar(self, node: yaml.Node) -> object:
        if node.tag in REFUSED:
            remedy = f"write a plain number, or {QUOTES}"
            self._refuse(node, f"{shown(node.value)} is {node.tag}", remedy)
        if node.tag not in MEANINGS:
            self._require(node, TEXT)
            return node.value
        if "number" in node.tag and not math.isfinite(float(node.value)):
            beyond = f"{shown(node.value)} is beyond what a number of 64 bits can be"
            self._refuse(node, beyond, "write a smaller one")
        return MEANINGS[node.tag][1](node.value)

    def _require(self, node: yaml.Node, tag: str) -> None:
        if node.tag != tag:
            self._refuse(node, f"the tag {shown(node.tag)} means nothing here", "leave it out")

    def _refuse(self, node: yaml.Node, said: str, remedy: str) -> NoReturn:
        raise BadSetting(f"{self.path} line {_line(node)}: {said}", remedy)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
