"""What an unquoted word of a settings file means: what it looks like to a person, or it is refused by name.

    numbers     12, -0.5, 1e-2 (text to YAML 1.1), 2_000_000
    others      true, false, null
    refused     010 (8 in octal), 1:47 (107 in base 60), 0x1F, 2020-02-31, .nan, <<
    text        every other word, and whatever is in quotes

DVC reads the same files by YAML 1.2. What the two versions disagree on is refused, or text: yes, no, on, off.
"""

import re
from collections.abc import Callable

TEXT = "tag:yaml.org,2002:str"
"""YAML's own tag of what is in quotes or like nothing else. Those below have blanks, which no tag in a file can have."""
MEANINGS: dict[str, tuple[str, Callable[[str], object]]] = {
    "a null": (r"~|null|Null|NULL|", lambda text: None),
    "a flag": (r"true|True|TRUE|false|False|FALSE", lambda text: text.lower() == "true"),
    "a whole number": (r"[-+]?(0|[1-9]\d*|[1-9]\d{0,2}(_\d{3})+)", int),
    "a decimal number": (r"[-+]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][-+]?\d+)?", float),
}
"""By what it is: the words that mean it, and their value."""
REFUSED = {
    "a number with a leading zero, which is octal": r"[-+]?0\d[\d_.eE+-]*",
    "a number that is not decimal": r"[-+]?0[box][\da-fA-F_]+",
    "a number in base 60": r"[-+]?\d[\d_]*(:[0-5]?\d)+(\.\d*)?",
    "a date": r"\d{4}-\d\d?-\d\d?([Tt \t].*)?",
    "no finite number": r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
    "a merge of mappings": r"<<",
}
"""By what it is: words that YAML takes for something else than a person does."""
PATTERNS = [
    (what, re.compile(rf"(?:{words})\Z"))
    for what, words in {**REFUSED, **{what: words for what, (words, _) in MEANINGS.items()}}.items()
]
"""As PyYAML asks for them: the first that matches says what a word is."""
