"""The one reader: a value means what it looks like, or it is refused by name with its line."""

import time

import pytest

from addend.errors import BadSetting
from addend.settings import read
from addend.settings.reader import DEEPEST, MOST

MEANT = {
    "1e-2": 0.01, "1E3": 1000.0, "-.5": -0.5, "3.": 3.0, "+7": 7, "0": 0, "-0.0": -0.0, "2_000_000": 2_000_000,
    "true": True, "False": False, "null": None, "~": None, "": None, "'010'": "010", '"1:47"': "1:47",
    "'2020-02-31'": "2020-02-31", "!!str 5": "5", "yes": "yes", "on": "on", "1e": "1e", "1_0": "1_0", "nan": "nan",
    "desi_dr2": "desi_dr2", "1.2.3": "1.2.3", "[1, a, 0.5]": [1, "a", 0.5], "{b: 1e2}": {"b": 100.0},
    "|\n  two\n  lines\n": "two\nlines\n", "2020-02": "2020-02",
}  # fmt: skip
BEYOND = "1" + "0" * 400
REFUSED = {
    "an octal number": ("a: 010", "line 1: '010' is a number with a leading zero, which is octal"),
    "an octal number with a sign": ("a: -07", "octal"),
    "a number in base 60": ("a: 1\nb: 1:47", "line 2: '1:47' is a number in base 60"),
    "a number in base 16": ("a: 0x1F", "'0x1F' is a number that is not decimal"),
    "a date that is none": ("a: 2020-02-31", "'2020-02-31' is a date"),
    "a date": ("a: [2020-02-01]", "'2020-02-01' is a date"),
    "a time": ("a: 2020-02-01 10:00:00", "is a date"),
    "an infinity": ("a: -.inf", "no finite number"),
    "no number": ("a: .nan", "no finite number"),
    "a whole number beyond 64 bits": (f"a: {BEYOND}", "beyond what a number of 64 bits can be"),
    "a number of thousands of digits": (f"a: {'9' * 6000}", "beyond"),
    "a decimal number beyond 64 bits": ("a: -1e400", "beyond"),
    "a key twice": ("a: 1\nb: 2\na: 3", "line 3: the key 'a' stands twice, first in line 1"),
    "a key twice further down": ("x:\n  a: {b: 1, b: 2}", "line 2: the key 'b' stands twice"),
    "a key twice, once in quotes": ("a: 1\n'a': 2", "stands twice"),
    "a flag for a key": ("true: 1", "the key 'true' is no text"),
    "a number for a key": ("a: {1: 2}", "the key '1' is no text"),
    "nothing for a key": ("? \n: 2", "the key '' is no text"),
    "a list for a key": ("? [a]\n: 2", "the key that is a collection is no text"),
    "a merge": ("a: &a {x: 1}\nb: {<<: *a}", "line 2: '<<' is a merge"),
    "a tag": ("a: !!python/name:os.system x", "the tag"),
    "a tag of its own": ("a: !<whole> 12", "the tag 'whole'"),
    "a tag that is not so": ("a: !!int 'x'", "the tag"),
    "an alias to what holds it": ("a: &a [*a]", f"nested deeper than {DEEPEST} levels"),
    "an alias to nothing": ("a: *b", "undefined alias"),
    "two documents": ("a: 1\n---\nb: 2", "expected a single document"),
    "an open bracket": ("a: {b", "line 1 cannot be used"),
    "a tabulator": ("a:\n\tb: 1", "line 2 cannot be used"),
    "another version": ("%YAML 3.0\n---\na: 1", "incompatible"),
    "a letter that does not print": ("a: \x01", "is not YAML"),
    "nothing at all": ("", "holds nothing, expected names with their values"),
    "a comment": ("# a: 1", "holds nothing"),
    "a list": ("- a", "holds no names"),
    "a word": ("fusions", "holds no names"),
    "a file too long": ("# " + "x" * 2**18, "has more than"),
}  # fmt: skip


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes):
        path = tmp_path / "params.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def refusal(path) -> str:
    with pytest.raises(BadSetting) as caught:
        read(path)
    said = str(caught.value)
    print(said)
    assert str(path) in said and "; " in said and "\n" not in said
    assert len(said) < len(str(path)) + 250
    return said


@pytest.mark.parametrize("text", MEANT)
def test_a_value_means_what_it_looks_like(written, text):
    found = read(written(f"a: {text}"))["a"]
    assert found == MEANT[text] and type(found) is type(MEANT[text])


@pytest.mark.parametrize("mistake", REFUSED)
def test_what_yaml_takes_for_something_else_is_refused_by_name(written, mistake):
    text, said = REFUSED[mistake]
    assert said in refusal(written(text))


@pytest.mark.parametrize("depth", [DEEPEST, 200, 3000])
@pytest.mark.parametrize("kind", ["lists", "mappings", "lines"])
def test_nesting_beyond_any_use_is_refused(written, kind, depth):
    text = {
        "lists": "a: " + "[" * depth + "]" * depth,
        "mappings": "a: " + "{a: " * depth + "1" + "}" * depth,
        "lines": "\n".join(" " * level + "a:" for level in range(min(depth, 400) + 1)),
    }[kind]
    assert f"deeper than {DEEPEST} levels" in refusal(written(text))


def test_nesting_up_to_the_limit_is_read(written):
    found = read(written("a: " + "[" * (DEEPEST - 2) + "1" + "]" * (DEEPEST - 2)))
    assert str(found["a"]).strip("[]") == "1"


def test_aliases_are_read_until_they_multiply(written):
    assert read(written("a: &a {x: 1}\nb: *a")) == {"a": {"x": 1}, "b": {"x": 1}}
    lines = ["a0: &a0 [x, x]"] + [
        f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 9)
    ]
    start = time.monotonic()
    assert f"more than {MOST:,} values" in refusal(written("\n".join(lines)))
    assert time.monotonic() - start < 10


def test_a_file_that_cannot_be_read_is_refused(tmp_path, written):
    assert "there is no" in refusal(tmp_path / "absent.yaml")
    assert "cannot be read" in refusal(tmp_path)
    assert "is not UTF-8 at byte 3" in refusal(written(b"a: \xff"))


def test_a_byte_order_mark_and_foreign_line_ends_change_nothing(written):
    assert read(written("\ufeffa: 1\r\nb: 2\r\n".encode())) == {"a": 1, "b": 2}
