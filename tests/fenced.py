"""A page's fenced blocks, run in order: what it prints is held against what it shows.

    ```python                 run in one namespace; a ```text block behind it is what it prints
    ```console                lines that begin with `$ ` run in a shell, the others are its output
    ```{code-block} python    `:caption:` a path: the file that the reader writes

Words must be equal; a number must be the one shown, within one unit of its last digit or the per
cent that the block states (```text within 5 %). A word with `...` in it stands for any, a line of
it for any lines, at the end for the rest.
"""

import contextlib
import io
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from addend.cli import app

FENCE = re.compile(r"^```(?P<info>[^\n`]+)\n(?P<text>.*?)^```$", re.M | re.S)
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Block:
    """A fenced block: language, what else its first line says, text, the line it begins on."""

    language: str
    rest: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        """The path that its caption names."""
        found = re.match(r":caption: `(\S+)`\n\n?", self.text)
        return found[1] if found and self.language == "{code-block}" else None

    @property
    def content(self) -> str:
        """The text without its options."""
        return re.sub(r"\A(:\w+:.*\n)+\n?", "", self.text)


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of a page."""
    text = page.read_text()
    for found in FENCE.finditer(text):
        language, _, rest = found["info"].partition(" ")
        yield Block(language, rest, found["text"], text[: found.start()].count("\n") + 1)


def run(page: Path, folder: Path, environment: dict[str, str]) -> None:
    """Run a page in a folder; the AssertionError names the block that is not as shown."""
    names: dict[str, object] = {"__name__": "tutorial"}
    printed = None
    with contextlib.chdir(folder):
        for block in blocks(page):
            where = f"{page.name}, line {block.line}"
            if block.file:
                Path(block.file).parent.mkdir(parents=True, exist_ok=True)
                Path(block.file).write_text(block.content)
            elif block.language == "python":
                printed = _python(block, names, where)
            elif block.language == "console":
                _console(block, environment, where)
            elif block.language == "text" and printed is not None:
                require_same(block.text, printed, block.rest, where)
                printed = None


def require_same(shown: str, printed: str, tolerance: str, where: str) -> None:
    """Hold what a block printed against what is shown."""
    share = float(re.search(r"([\d.]+) %", tolerance)[1]) / 100 if tolerance else 0.0
    lines, expected = printed.strip().split("\n"), shown.strip().split("\n")
    if "..." in expected:
        k = expected.index("...")
        tail = len(expected) - k - 1
        lines, expected = lines[:k] + lines[len(lines) - tail :], expected[:k] + expected[k + 1 :]
    words = [" ".join(part).split() for part in (expected, lines)]
    if words[0][-1:] == ["..."]:
        words = [words[0][:-1], words[1][: len(words[0]) - 1]]
    say = f"{where} shows\n{shown}\nbut this was printed:\n{printed}"
    assert len(words[0]) == len(words[1]), say
    assert all(_same(a, b, share) for a, b in zip(*words, strict=True)), say


def _same(shown: str, printed: str, share: float) -> bool:
    """Whether a word is the one shown, `...` being anything and a number good to its last digit."""
    if "..." in shown:
        return fnmatchcase(printed, shown.replace("[", "[[]").replace("...", "*"))
    numbers = [[float(x.replace(",", "")) for x in NUMBER.findall(w)] for w in (shown, printed)]
    if NUMBER.sub("#", shown) != NUMBER.sub("#", printed):
        return False
    units = map(_unit, NUMBER.findall(shown))
    return all(
        abs(a - b) <= max(1.001 * unit, share * abs(a))
        for a, b, unit in zip(*numbers, units, strict=True)
    )


def _unit(number: str) -> float:
    """One unit of the last digit of a number as written; none for a whole number."""
    digits, _, power = number.lower().partition("e")
    decimals = len(digits.partition(".")[2])
    return 10.0 ** (int(power or 0) - decimals) if decimals or power else 0.0


def _python(block: Block, names: dict[str, object], where: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(block.text, where, "exec"), names)
    return out.getvalue()


def _console(block: Block, environment: dict[str, str], where: str) -> None:
    for command in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        line, _, shown = command.partition("\n")
        printed = _shell(line, environment, where)
        if shown.strip():
            require_same(shown, printed, block.rest, f"{where}, {line}")


def _shell(line: str, environment: dict[str, str], where: str) -> str:
    """What a command prints. Ours are called here: to import torch takes longer than their work."""
    name, *arguments = shlex.split(line)
    if name == "addend":
        with contextlib.redirect_stdout(io.StringIO()) as out:
            app(arguments, standalone_mode=False)
        return out.getvalue()
    done = subprocess.run(
        ["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, f"{where}: {line} failed\n{done.stdout}{done.stderr}"
    return done.stdout
