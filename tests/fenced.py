"""A page's fenced blocks, run in order: what it prints is held against what it shows.

    ```python                         run in one namespace; a ```text block behind it is what it prints
    ```console                        every line that begins with `$ ` runs in a shell, the others are its output
    ```{code-block} python            with `:caption: <path>`: the file that the reader writes

Words must be equal; a number must be the one shown, to its last digit but one unit of it, or within the per cent that
the block states (```text within 5 %). A line `...` stands for any lines.
"""

import contextlib
import io
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(?P<info>[^\n`]+)\n(?P<text>.*?)^```$", re.M | re.S)
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what else its first line says, its text, and the line it begins on."""

    language: str
    rest: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        """The path that its caption names."""
        found = re.match(r":caption: (\S+)\n\n?", self.text)
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
    """Run a page in a folder; raises an AssertionError that names the block which is not as shown."""
    names: dict[str, object] = {"__name__": "tutorial"}
    printed, where = None, ""
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
    pattern, rest = shown.strip().split("\n...\n"), printed.strip()
    if len(pattern) > 1:
        lines = rest.split("\n")
        head, tail = (part.count("\n") + 1 for part in (pattern[0], pattern[-1]))
        rest, shown = "\n".join(lines[:head] + lines[-tail:]), "\n".join(pattern)
    say = f"{where} shows\n{shown}\nbut this was printed:\n{printed}"
    assert NUMBER.sub("#", shown).split() == NUMBER.sub("#", rest).split(), say
    share = float(re.search(r"([\d.]+) %", tolerance)[1]) / 100 if tolerance else 0.0
    for a, b in zip(NUMBER.findall(shown), NUMBER.findall(rest), strict=True):
        value, other = (float(x.replace(",", "")) for x in (a, b))
        assert abs(value - other) <= max(1.001 * _unit(a), share * abs(value)), say


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
        done = subprocess.run(
            ["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=200
        )
        assert done.returncode == 0, f"{where}: {line} failed\n{done.stdout}{done.stderr}"
        if shown.strip():
            require_same(shown, done.stdout, block.rest, f"{where}, {line}")
