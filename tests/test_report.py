"""The report: what it refuses, what it says, and that equal numbers give equal bytes. No test here is statistical."""

import copy
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_example import NAMES, example_answer, example_curves, example_drawings

from addend import answers
from addend.errors import BadSummary
from addend.fusion.answer import SCHEMA_VERSION, Answer, ModalityAnswer
from addend.fusion.curves import Curves
from addend.fusion.summary import as_dict
from addend.report import schema
from addend.report.fusion_page import fusion_page, write_fusion
from addend.report.rendering import Page
from addend.report.summary import SUMMARY, validate
from addend.report.view import key_figures, sentence


@pytest.fixture(scope="module")
def answer() -> Answer:
    return example_answer()


@pytest.fixture(scope="module")
def summary(answer) -> dict:
    return as_dict(answer)


@pytest.fixture(scope="module")
def curves() -> Curves:
    return example_curves()


@pytest.fixture(scope="module")
def page(answer, curves) -> Page:
    return fusion_page(answer, curves, example_drawings())


def changed(summary: dict, path: str, value) -> dict:
    """A copy with one key set, `path` with slashes."""
    out = copy.deepcopy(summary)
    *parents, last = path.split("/")
    block = out
    for name in parents:
        block = block[name]
    block[last] = value
    return out


def test_equal_numbers_give_equal_bytes(answer, curves, page):
    again = fusion_page(copy.deepcopy(answer), curves, example_drawings())
    assert again.html == page.html
    assert again.figures == page.figures


def test_no_name_in_a_figure_depends_on_the_last_bits_of_its_layout(page):
    assert all("clip0" in figure.svg or "clip" not in figure.svg for figure in page.figures)
    assert not [f.name for f in page.figures if re.search(r"\bp[0-9a-f]{10}\b", f.svg)]


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


def test_what_is_written_is_what_is_read(answer, curves, tmp_path):
    index = write_fusion(tmp_path, answer, curves)
    assert index.name == "index.html" and (tmp_path / "figures" / "triangle.svg").exists()
    answers.write_answer(tmp_path / "summary.json", answer)
    again = answers.read_answer(tmp_path / "summary.json")
    assert as_dict(again) == as_dict(answer)
    assert not [path for path in tmp_path.rglob("*") if ".tmp-" in path.name]


def test_curves_survive_their_file_and_its_bytes_repeat(answer, curves, page, tmp_path):
    for name in ("a.npz", "b.npz"):
        answers.write_curves(tmp_path / name, curves)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    read = answers.read_curves(tmp_path / "a.npz")
    assert fusion_page(answer, read, example_drawings()).html == page.html


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("parameters/H0/theta_hat", float("nan"), "summary.parameters.H0.theta_hat is nan"),
        ("parameters/H0/interval_68", [1.0], "summary.parameters.H0.interval_68"),
        ("modalities/bao/n", -1, "summary.modalities.bao.n is -1"),
        ("modalities/bao", None, "summary.modalities.bao is None"),
        ("covariance/parameters", ["H0"], "summary.covariance.parameters is H0"),
        ("correlation", [[1.0]], "correlation is not 5 x 5"),
        ("schema_version", "1.0", "schema_version is 1.0"),
        ("calibration/audit/trials", "many", "summary.calibration.audit.trials"),
        ("errors/sandwich/trials", "many", "summary.errors.sandwich.trials"),
        ("modes", [{"theta": {}, "delta": 0.0}], "modes[0].at_boundary is missing"),
    ],
)
def test_a_summary_off_the_schema_is_refused_by_name(summary, path, value, says):
    with pytest.raises(BadSummary, match=re.escape(says)):
        validate(changed(summary, path, value))


def test_every_required_key_is_missed_when_absent(summary):
    for key in SUMMARY:
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
            validate(without)


def test_the_documentation_states_the_schema_in_force():
    page = Path(__file__).parents[1].joinpath("docs/summary.md").read_text()
    assert schema.table(SUMMARY) in page and schema.table(schema.CALIBRATION) in page
    assert f"version {SCHEMA_VERSION}" in page


def test_a_dropped_modality_is_on_the_page_with_its_reason(answer):
    none = ModalityAnswer("sirens", None, 0, "no encoder <is> promoted", None)
    more = replace(answer, modalities={**answer.modalities, "sirens": none})
    assert "left out: no encoder &lt;is&gt; promoted" in fusion_page(more, Curves()).html


def test_a_closure_shows_the_truth_and_one_modality_is_enough(answer):
    truths = {p: {"truth": a.theta_hat + a.curvature_std} for p, a in answer.parameters.items()}
    one = {"masers": answer.modalities["masers"]}
    alone = replace(answer, tension=None, leave_one_out={}, modalities=one)
    html = fusion_page(alone.with_parameters(truths), Curves()).html
    assert "drawn at a known truth" in html and "−1.00" in html


def test_the_page_says_which_error_to_quote_and_which_failed(answer):
    narrow = replace(answer.errors["sandwich"], hits={"together": (215, 400)})
    found = replace(answer, errors={**answer.errors, "sandwich": narrow})
    html = fusion_page(found, Curves()).html
    assert re.search(r"sandwich<span class=.note.>✗ too narrow", html)
    assert re.search(r"calibrated<span class=.note.>✓ tried, quote this", html)
    assert "Quote the calibrated ones" in html


def test_the_page_has_its_commit_and_the_date_of_its_data(page):
    assert "1234567 of 2026-11-25" in page.html
    assert "shipped with addend-bao, 2025-03-19" in page.html


def test_one_thing_has_one_name(page):
    """Wilks, textbook, Neyman and learned are names of what the page calls profile and calibrated."""
    words = re.sub(r"<[^>]*>", " ", re.sub(r"data:[^\"]*", "", page.html)).lower()
    assert not {"wilks", "textbook", "neyman"} & set(re.findall(r"[a-z]+", words))


def test_key_figures_and_sentence_serve_a_terminal(answer):
    rows = key_figures(answer)
    assert [row["parameter"] for row in rows] == list(NAMES) and all(
        isinstance(v, str) for row in rows for v in row.values()
    )
    first = "28 observations of 3 kinds (chronometers 15, bao 7, masers 6) give, taken together, H0 = 70.0 ±"
    assert sentence(answer).startswith(first)
