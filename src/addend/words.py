"""How a number is written: two significant digits of its error, and the value to the same place.

>>> with_error(68.4371, 2.134)
'68.4 ± 2.1'
>>> with_error(-0.00000032, 0.000000041)
'(−3.20 ± 0.41) × 10⁻⁷'
"""

import html
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import floor, isfinite, log10

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
FONTS = re.compile(
    r"\\(?:rm|it|bf|mathrm|mathit|mathbf|boldsymbol|text|operatorname)\b\s*|\\[,;! ]"
)

ACCENTS = {"hat": "\u0302", "tilde": "\u0303", "bar": "\u0304", "dot": "\u0307", "vec": "\u20d7"}
SUB, SUP = ("\ue000", "\ue001"), ("\ue002", "\ue003")
"""Stand for tags until all else is escaped: characters that no text has a use for."""
ACCENTED = re.compile(
    rf"\\({'|'.join(ACCENTS)})\b\s*(?:\{{(\\?[A-Za-z]+)\}}|(\\[A-Za-z]+|[A-Za-z]))"
)
UPRIGHT = {
    "\\": r"\backslash ", "{": r"\{", "}": r"\}", "_": r"\_", "^": r"\wedge ", "$": r"\$", "%": r"\%",
    '"': "''", "`": "'", "#": "", **dict.fromkeys(string.whitespace, r"\ "),
}  # fmt: skip
"""What shows, in mathtext, a letter that means something to it."""


@dataclass(frozen=True)
class Rounding:
    """How every number of one quantity is written.

    Arguments:
        decimals: Digits after the point.
        exponent: The power of ten taken out beforehand, 0 unless plain digits would be unreadable.
    """

    decimals: int
    exponent: int = 0

    @classmethod
    def to(cls, error: float, value: float = 0.0) -> "Rounding":
        """The rounding that keeps two significant digits of `error`; three of `value` where the error is 0."""
        scale = abs(error) or abs(value) / 10
        if not (scale > 0 and isfinite(scale)):
            return cls(2)
        last = _magnitude(scale) - 1
        exponent = _magnitude(max(abs(value), scale))
        if -6 < last and exponent < 6:
            return cls(max(0, -last))
        return cls(max(0, exponent - last), exponent)

    def __call__(self, value: float) -> str:
        """`value` in digits, without the power of ten."""
        text = f"{value / 10.0**self.exponent:.{self.decimals}f}"
        return (
            "0" + text[2:] if float(text) == 0 and text.startswith("-") else text.replace("-", "−")
        )

    @property
    def power(self) -> str:
        """The power of ten that follows the digits; empty where there is none."""
        return f" × 10{str(self.exponent).translate(SUPERSCRIPTS)}" if self.exponent else ""


def with_error(value: float, error: float) -> str:
    """`value ± error`."""
    r = Rounding.to(error, value)
    text = f"{r(value)} ± {r(error)}"
    return f"({text}){r.power}" if r.power else text


def interval(
    ends: tuple[float, float], error: float, open_ends: tuple[bool, bool] = (False, False)
) -> str:
    """`[low, high]` to the place of `error`; an end that reaches the bound of the support carries an asterisk."""
    r = Rounding.to(error, max(map(abs, ends)))
    low, high = (r(end) + "*" * bool(reaches) for end, reaches in zip(ends, open_ends, strict=True))
    return f"[{low}, {high}]{r.power}"


def plain(value: float, digits: int = 2) -> str:
    """A number without an error, to so many significant digits."""
    r = Rounding.to(value / 10 ** (digits - 2), value)
    return r(value) + r.power


def about(value: float) -> str:
    """A number that is known roughly: `50,000`, two significant digits and no more."""
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 10 else plain(value)


def percent(fraction: float) -> str:
    """A fraction in percent: whole from 10 % on, two digits below, `< 0.1 %` where there is next to nothing."""
    if 0 < abs(fraction) < 0.001:
        return "< 0.1 %"
    return f"{100 * fraction:.{0 if abs(fraction) >= 0.0995 or fraction == 0 else 1}f} %".replace(
        "-", "−"
    )


def signed(value: float) -> str:
    """A pull or a correlation: with its sign, to two decimals."""
    return f"{value:+.2f}".replace("-", "−")


def in_unit(text: str, unit: str) -> str:
    """`text` followed by its unit, where it has one."""
    return text if unit in ("", "1") else f"{text} {unit}"


def listed(items: Iterable[str]) -> str:
    """`a, b and c`."""
    *head, last = items
    return f"{', '.join(head)} and {last}" if head else last


def symbol_html(name: str, latex: str) -> str:
    r"""The symbol of a parameter as HTML: `\Omega_m` becomes Ω with a subscript. The name where there is no latex.

    >>> symbol_html("Om", r"\Omega_m")
    '<i>Ω</i><sub>m</sub>'
    """
    if not latex or latex == name or set(latex) & {*SUB, *SUP} or not _readable(latex):
        return html.escape(latex or name)
    text = re.sub(ACCENTED, lambda m: (m[2] or m[3]) + ACCENTS[m[1]], FONTS.sub("", latex))
    text = re.sub(r"\\([A-Za-z]+)", lambda m: _letter(m[1]), text)
    text = _marked("_", SUB, _marked("^", SUP, text))
    text = html.escape(re.sub(r"[{}]", "", text).strip())  # nothing that is read becomes markup
    for tag, (opens, closes) in {"sub": SUB, "sup": SUP}.items():
        text = text.replace(opens, f"<{tag}>").replace(closes, f"</{tag}>")
    return re.sub(r"^(\w+)", r"<i>\1</i>", text)


def _marked(sign: str, marks: tuple[str, str], text: str) -> str:
    """What stands after a sign, in braces or alone, between two marks."""
    group = re.compile(rf"{re.escape(sign)}(?:\{{([^{{}}]*)\}}|(.))")
    return group.sub(lambda m: f"{marks[0]}{(m[1] or m[2]).strip()}{marks[1]}", text)


def _letter(macro: str) -> str:
    """The letter that a macro stands for, by its name in HTML; where HTML has none, the word."""
    found = html.unescape(f"&{macro};")
    return macro if found.startswith("&") else found


def symbol_tex(name: str, latex: str) -> str:
    """The symbol of a parameter for mathtext, without dollar signs."""
    return typeset(latex, name)


@cache
def typeset(latex: str, name: str) -> str:
    r"""`latex` for mathtext, without dollar signs; where mathtext cannot read it, its letters, upright.

    >>> typeset(r"\Omega_m", "Om"), typeset(r"\frac{1}", "one"), typeset("", "toy.a_b")
    ('\\Omega_m', '\\mathrm{\\backslash frac\\{1\\}}', '\\mathrm{toy.a\\_b}')
    """
    if latex and latex != name and _readable(latex):
        return latex
    escaped = "".join(UPRIGHT.get(letter, letter) for letter in latex or name)
    return rf"\mathrm{{{escaped}}}"


def _readable(latex: str) -> bool:
    """Whether mathtext reads it as one formula, by itself and with something after it, as in a label."""
    from matplotlib.mathtext import MathTextParser  # here, because numbers alone need no figures

    if "$" in latex or "\n" in latex:
        return False
    try:
        for text in (f"${latex}$", rf"${latex}\,[\mathrm{{km}}]$"):
            MathTextParser("path").parse(text)
    except (ValueError, RuntimeError):
        return False
    return True


def text(value: object) -> str:
    """Nested settings in one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {text(v)}" for k, v in sorted(value.items()))
    return ", ".join(map(text, value)) if isinstance(value, list | tuple) else str(value)


def _magnitude(x: float) -> int:
    return floor(log10(float(f"{x:.1e}")))
