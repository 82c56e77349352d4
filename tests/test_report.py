"""The report: what it refuses, what it says, and that equal numbers give equal bytes. No test here is statistical."""

import copy
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_example import NAMES, example_curves, example_summary

from addend import report
from addend.errors import BadSummary
from addend.report import Curves, schema, verdict
from addend.report.numbers import interval, percent, plain, symbol_html, symbol_tex, with_error


@pytest.fixture(scope="module")
def summary() -> dict:
    return example_summary()


@pytest.fixture(scope="module")
def curves(summary) -> Curves:
    return example_curves(summary)


@pytest.fixture(scope="module")
def page(summary, curves) -> report.Page:
    return report.fusion_page(summary, curves)


def changed(summary: dict, path: str, value) -> dict:
    """A copy with one key set, `path` with slashes."""
    out = copy.deepcopy(summary)
    *parents, last = path.split("/")
    block = out
    for name in parents:
        block = block[name]
    block[last] = value
    return out


@pytest.mark.slow
def test_equal_numbers_give_equal_bytes(summary, curves, page):
    again = report.fusion_page(copy.deepcopy(summary), curves)
    assert again.html == page.html
    assert again.figures == page.figures


def test_the_page_asks_the_network_for_nothing(page):
    outside = []

    class Links(HTMLParser):
        def handle_starttag(self, tag, attrs):
            outside.extend(
                v
                for k, v in attrs
                if k in ("src", "href", "srcset") and not v.startswith(("#", "data:"))
            )

    Links().feed(page.html)
    assert outside == []
    assert not re.search(r"@import|url\(|<script|<link", page.html)


def test_every_figure_is_on_the_page_and_says_something(page):
    assert {f.name for f in page.figures} == {
        "triangle",
        "profiles",
        "predictive",
        "forest",
        "calibration-audit",
    }
    for figure in page.figures:
        assert figure.data_uri in page.html
        assert figure.good.startswith("Good: ") and figure.says.startswith("Here: ")


def test_identifiers_are_unique_within_the_page(page):
    found = re.findall(r'\bid="([^"]+)"', page.html)
    assert len(found) == len(set(found))


def test_what_is_written_is_what_is_read(summary, curves, tmp_path):
    index = report.write_fusion(tmp_path, summary, curves)
    assert index.name == "index.html" and (tmp_path / "figures" / "triangle.svg").exists()
    assert report.validate(json.loads((tmp_path / "summary.json").read_text())) == summary
    assert not list(tmp_path.rglob("*.part"))


def test_curves_survive_their_file_and_its_bytes_repeat(curves, page, summary, tmp_path):
    for name in ("a.npz", "b.npz"):
        report.write_curves(tmp_path / name, curves)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert report.fusion_page(summary, report.read_curves(tmp_path / "a.npz")).html == page.html


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("parameters/H0/theta_hat", float("nan"), "summary.parameters.H0.theta_hat is nan"),
        ("parameters/H0/interval_68", [1.0], "summary.parameters.H0.interval_68"),
        ("modalities/bao/n", -1, "summary.modalities.bao.n is -1"),
        ("modalities/bao", None, "summary.modalities.bao is None"),
        ("covariance/parameters", ["H0"], "summary.covariance.parameters is H0"),
        ("correlation", [[1.0]], "correlation is not 5 x 5"),
        ("schema_version", "2.0", "schema_version is 2.0"),
        ("calibration/audit/trials", "many", "summary.calibration.audit.trials"),
        ("modes", [{"theta": {}, "delta": 0.0}], "modes[0].at_boundary is missing"),
    ],
)
def test_a_summary_off_the_schema_is_refused_by_name(summary, path, value, says):
    with pytest.raises(BadSummary, match=re.escape(says)):
        report.validate(changed(summary, path, value))


def test_every_required_key_is_missed_when_absent(summary):
    for key in schema.SUMMARY:
        if (
            key.optional
            or "<" in key.path
            or "[]" in key.path
            or key.path.split(".")[0] in ("truth", "tension")
        ):
            continue
        *parents, last = key.path.split(".")
        without = copy.deepcopy(summary)
        block = without
        for name in parents:
            block = block[name]
        del block[last]
        with pytest.raises(BadSummary):
            report.validate(without)


def test_the_documentation_states_the_schema_in_force():
    page = Path(__file__).parents[1].joinpath("docs/summary.md").read_text()
    assert schema.table(schema.SUMMARY) in page and schema.table(schema.CALIBRATION) in page
    assert f"version {report.SCHEMA_VERSION}" in page


def test_a_sound_fusion_is_believed(summary):
    assert verdict(summary).level == "good" and not verdict(summary).open


@pytest.mark.parametrize(
    ("path", "value", "level", "says"),
    [
        (
            "modalities/bao/n_over_trust",
            0.3,
            "care",
            "margin of ten asked for: bao (7 observations, 30 % of",
        ),
        ("modalities/bao/n_over_trust", 1.3, "bad", "may exceed"),
        ("modalities/bao/n_over_trust", None, "unknown", "not been measured for bao"),
        ("tension/p_value", 0.01, "care", "1.0 % of cases"),
        ("tension/p_value", 1e-5, "bad", "< 0.1 % of cases"),
        ("parameters/H0/at_boundary", True, "care", "edge of its range"),
        ("parameters/H0/profile_open_95", [True, False], "care", "do not bound H0"),
        ("parameters/H0/posterior_mean", 75.0, "care", "differ for H0"),
        (
            "modes",
            [{"theta": {"H0": 60.0}, "delta": d, "at_boundary": False} for d in (0.0, 1.5)],
            "care",
            "H0 = 60.0",
        ),
        (
            "modalities/bao/dropped",
            "it has no champion",
            "care",
            "bao was left out: it has no champion",
        ),
        ("calibration", None, "unknown", "assumed here"),
        ("calibration/audit/hits", {"neyman": [250, 400]}, "bad", "too narrow"),
        ("calibration/audit/hits", {"neyman": [430, 498]}, "care", "too wide"),
        ("warnings", ["The moon was full."], "care", "The moon was full."),
        ("truth", {"chi2": 40.0, "dof": 5, "p_value": 1e-6}, "bad", "by chance"),
        ("sampling/effective", 90.0, "care", "90 independent"),
        ("modalities/bao/outside_support", 0.14, "care", "14 % of bao"),
    ],
)
def test_each_fault_is_named_on_the_first_screen(summary, path, value, level, says):
    found = verdict(changed(summary, path, value))
    assert found.level == level
    assert any(says in c.sentence for c in found.open)


def test_a_correction_lifts_the_mark(summary):
    beyond = changed(summary, "modalities/bao/n_over_trust", 0.3)
    assert verdict(beyond).marked
    assert not verdict(changed(beyond, "modalities/bao/correction", "local calibration")).marked
    assert verdict(changed(beyond, "modalities/bao/correction", "centring")).marked


def test_a_dropped_modality_is_on_the_page_with_its_reason(summary, curves):
    none = {
        "set": None,
        "n": 0,
        "dropped": "no encoder <is> promoted",
        "encoder": None,
        "trust_size": None,
        "n_over_trust": None,
    }
    more = changed(
        summary, "modalities/sirens", none | {"identified": [], "parameters": {}, "weight": {}}
    )
    assert "left out: no encoder &lt;is&gt; promoted" in report.fusion_page(more, Curves()).html


def test_a_closure_shows_the_truth_and_one_modality_is_enough(summary):
    alone = changed(changed(summary, "tension", None), "leave_one_out", {})
    alone["modalities"] = {"masers": alone["modalities"]["masers"]}
    for b in alone["parameters"].values():
        b |= {"truth": b["theta_hat"] + b["curvature_std"], "pull": -1.0}
    alone |= {"mock": True, "truth": {"chi2": 5.0, "dof": 5, "p_value": 0.42}}
    html = report.fusion_page(alone, Curves()).html
    assert "drawn at a known truth" in html and "−1.00" in html


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


def test_key_figures_and_sentence_serve_a_terminal(summary):
    rows = report.key_figures(summary)
    assert [row["parameter"] for row in rows] == list(NAMES) and all(
        isinstance(v, str) for row in rows for v in row.values()
    )
    first = "28 observations of 3 kinds (chronometers 15, bao 7, masers 6) give, taken together, H0 = 70.0 ±"
    assert report.sentence(summary).startswith(first)
