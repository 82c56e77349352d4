"""Numbers and symbols as people read them."""

import pytest

from addend.words import interval, percent, plain, symbol_html, symbol_tex, with_error


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (with_error(68.4371, 2.134), "68.4 ± 2.1"),
        (with_error(0.29753, 0.0086), "0.2975 ± 0.0086"),
        (with_error(1234.5, 123.4), "1234 ± 123"),
        (with_error(5.0, 0.996), "5.0 ± 1.0"),
        (with_error(-0.0, 1.0), "0.0 ± 1.0"),
        (with_error(2.5e-8, 3e-9), "(2.50 ± 0.30) × 10⁻⁸"),
        (interval((-1.42, 50.0), 2.1, (False, True)), "[−1.4, 50.0*]"),
        (percent(0.0004), "< 0.1 %"),
        (percent(0.68), "68 %"),
        (plain(2310.0), "2310"),
        (symbol_html("rd", "r_d"), "<i>r</i><sub>d</sub>"),
        (symbol_html("a_b", "a_b"), "a_b"),
        (symbol_html("e", r"\eta_{\rm imf}"), "<i>η</i><sub>imf</sub>"),
        (symbol_html("x", "<b>"), "&lt;b&gt;"),
        (symbol_tex("m.eta_imf", "m.eta_imf"), r"\mathrm{m.eta\_imf}"),
    ],
)
def test_numbers_and_symbols_are_written_for_people(written, expected):
    assert written == expected
