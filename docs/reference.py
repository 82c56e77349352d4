"""The reference: a page a room of `addend`, made of its docstrings.

A docstring of this project is plain text: names between backticks, formulas in indented blocks,
sections such as `Arguments:`. `to_rst` says that in reStructuredText, where stars, bars and final
underscores would mean something.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import addend

SECTION = re.compile(r"\s*(Arguments|Attributes|Class attributes|Raises|Returns):$")
HANGS = re.compile(rf"{SECTION.pattern}|\s*(-|\(\w\)|\d\.) ")
CODE = re.compile(r"`([^`]+)`")
SPECIAL = re.compile(r"([\\*|<]|_\b|_(?=\W|$))")


def write(folder: Path) -> None:
    """A page for every room, and the list of them; a page that says what it said is not touched."""
    folder.mkdir(exist_ok=True)
    rooms = sorted(m.name for m in pkgutil.iter_modules(addend.__path__))
    listed = "\n".join(rooms)
    pages = {name: page(f"addend.{name}") for name in rooms}
    pages["index"] = (
        f"# Reference\n\nWhat the docstrings say, a page a room.\n\n```{{toctree}}\n{listed}\n```\n"
    )
    for old in set(folder.glob("*.md")) - {folder / f"{name}.md" for name in pages}:
        old.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def page(name: str) -> str:
    """A room: its own words, then each of its files with the public names that come from there."""
    room = importlib.import_module(name)
    public = list(getattr(room, "__all__", ()))
    parts = [f"# {name}\n", directive(name, ())]
    if public:
        parts.append(f"To be imported from `{name}`: {', '.join(f'`{n}`' for n in public)}.\n")
    for module in files(name):
        own = importlib.import_module(module)
        names = public_here(own, public)
        if names or not public:
            parts += [f"## {module.removeprefix(f'{name}.')}\n", directive(module, names)]
    if not hasattr(room, "__path__"):
        parts[1] = directive(name, public_here(room, ()))
    return "\n".join(parts)


def files(name: str) -> Iterator[str]:
    """The modules in a package at any depth, by name; none in a module."""
    path = getattr(importlib.import_module(name), "__path__", None)
    for found in pkgutil.walk_packages(path, f"{name}.") if path else ():
        yield found.name


def public_here(module, among) -> list[str]:
    """Public names that a module itself defines, in its own order; only those `among`, if any."""
    own = {
        n: value
        for n, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and not n.startswith("_")
    }
    return [n for n, value in own.items() if (n in among or not among) and value.__doc__]


def directive(module: str, names) -> str:
    """The automodule directive for some of a module's names."""
    members = f":members: {', '.join(names)}\n:show-inheritance:\n" if names else ""
    return (
        f"```{{eval-rst}}\n.. automodule:: {module}\n"
        + "".join(f"   {line}\n" for line in members.splitlines())
        + "```\n"
    )


def to_rst(app, what: str, name: str, obj, options, lines: list[str]) -> None:
    """Rewrite a docstring's lines in place."""
    lines[:] = list(rewritten(lines))


def rewritten(lines: list[str]) -> Iterator[str]:
    """The lines as reStructuredText.

    >>> list(rewritten(["|det| of `x_` is", "", "    a*b = c_", "", "or q_."]))
    ['\\\\|det\\\\| of ``x_`` is', '', '::', '', '    a*b = c_', '', 'or q\\\\_.']
    """
    margin, literal, hangs, before = 0, False, False, ""
    for line in lines:
        text, indent = line.strip(), len(line) - len(line.lstrip())
        literal = literal and (not text or indent > margin)
        if text and not literal:
            deeper = indent > margin
            literal = deeper and not before.strip() and not hangs
            if literal:
                yield from (" " * margin + "::", "")
            elif deeper and not hangs:
                line = " " * margin + text  # prose that runs on
            else:
                margin = indent
        if text and not literal:
            hangs = bool(HANGS.match(line)) or (hangs and margin > 0)
        before = line
        yield line if literal else escaped(line)


def escaped(line: str) -> str:
    """A line of prose, in which only backticks mean something."""
    parts = CODE.split(line)
    return "".join(
        f"``{part}``" if k % 2 else SPECIAL.sub(r"\\\1", part) for k, part in enumerate(parts)
    )
