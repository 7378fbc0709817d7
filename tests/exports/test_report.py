"""The report: one file that opens anywhere and says what was found, whatever the data is called."""

import html
import html.parser
import json
import re

import pytest

from core import evaluation, runs, words
from exports import report
from tests.exports import made

NASTY = ("<script>alert(1)</script>", "</script><img src=https://example.org/x.png>", 'a & "b"')


class Page(html.parser.HTMLParser):
    """The elements of an HTML page and the text of its scripts."""

    def __init__(self, text: str):
        super().__init__()
        self.elements, self.scripts = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, text):
        if self.cdata_elem == "script":
            self.scripts[-1] += text

    def count(self, tag: str) -> int:
        return sum(element == tag for element, _ in self.elements)


def without_scripts(text: str) -> str:
    return re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)


def visible(run: str) -> str:
    return html.unescape(without_scripts(report.write(run).read_text(encoding="utf-8")))


@pytest.fixture
def nasty():
    """A finished run whose class names are HTML."""
    y_prob = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6]]
    return made.finished_run(NASTY, [0, 1, 1, 2], y_prob)


@pytest.mark.parametrize("name", ["digits", "breast_cancer"])
def test_the_report_is_one_file_that_loads_nothing(finished, name):
    path = report.write(finished[name])
    assert list(path.parent.iterdir()) == [path]
    page = Page(path.read_text(encoding="utf-8"))
    asked = [attrs[key] for _, attrs in page.elements for key in ("src", "href", "data", "srcset") if key in attrs]
    assert asked == []


def test_no_style_of_the_report_loads_anything(finished):
    markup = without_scripts(report.write(finished["digits"]).read_text(encoding="utf-8"))
    assert not re.search(r"@import|url\(|https?:", markup)


def test_the_report_forbids_the_browser_to_load_anything(finished):
    page = Page(report.write(finished["digits"]).read_text(encoding="utf-8"))
    (policy,) = [attrs["content"] for tag, attrs in page.elements if tag == "meta" and "http-equiv" in attrs]
    assert "default-src 'none'" in policy and "http" not in policy


@pytest.mark.parametrize(("name", "thing"), [("digits", "image"), ("breast_cancer", "row")])
def test_the_report_opens_with_the_sentence(finished, name, thing):
    sentence = evaluation.sentence(runs.evaluation(finished[name])["test"], thing)
    assert f'<p class="lead">{sentence}</p>' in visible(finished[name])


def test_the_report_has_the_five_figures(finished):
    page = Page(report.write(finished["digits"]).read_text(encoding="utf-8"))
    (line,) = re.findall(r"^const figures = (.*);$", page.scripts[-1], flags=re.MULTILINE)
    names = [name for name, _ in json.loads(line)]
    assert names == ["Confusion matrix", "ROC", "Precision and recall", "Training: loss", "Training: accuracy"]


def test_the_report_has_a_row_for_each_class(finished):
    test = runs.evaluation(finished["breast_cancer"])["test"]
    row = test["per_class"][0]
    figures = [words.interval(row["precision"]), words.interval(row["recall"]), words.percent(row["f1"]["value"])]
    expected = f"<td>malignant</td>{''.join(f'<td>{figure}</td>' for figure in figures)}"
    assert expected in visible(finished["breast_cancer"])


# ---------------------------------------------------------------------------------------------------- the proof


def test_without_an_export_the_report_says_that_nothing_was_compared(finished):
    assert "nothing was compared" in visible(finished["digits"])


def test_the_report_gives_the_verdict_that_passed(exported):
    verdict = runs.parity(exported["digits"])["verdict"]
    assert f'<p class="verdict passed">{verdict}</p>' in visible(exported["digits"])


def test_the_report_gives_the_verdict_that_failed(exported):
    run = exported["digits"]
    verdict = "Failed: the file decides otherwise than the trained net on 3 of 359 test images."
    runs.write_json(runs.path(run, "exports", "parity.json"), runs.parity(run) | {"passed": False, "verdict": verdict})
    assert f'<p class="verdict failed">{verdict}</p>' in visible(run)


def test_a_difference_that_is_not_a_number_is_written_so(exported):
    run = exported["digits"]
    record = runs.parity(run)
    record["checks"][0]["largest_difference"] = None
    runs.write_json(runs.path(run, "exports", "parity.json"), record)
    assert "<td>not a number</td>" in visible(run)


def test_a_proof_of_an_older_file_is_not_reported_as_passed(exported):
    run = exported["digits"]
    path = runs.path(run, "exports", "model.onnx")
    path.write_bytes(path.read_bytes() + b"changed")
    assert "Passed" not in visible(run)


# ---------------------------------------------------------------------------------------------------- safety


def test_names_that_are_html_bring_no_element_into_the_report(nasty):
    page = Page(report.write(nasty).read_text(encoding="utf-8"))
    assert (page.count("script"), page.count("img")) == (2, 0)


def test_names_that_are_html_are_nowhere_in_the_file_as_they_are(nasty):
    text = report.write(nasty).read_text(encoding="utf-8")
    assert "<script>alert" not in text and "<img" not in text.replace('"<img', "")
    assert text.count("</script>") == 2


def test_names_that_are_html_can_be_read_in_the_report(nasty):
    text = visible(nasty)
    assert all(f"<td>{name}</td>" in text for name in NASTY)


def test_the_sentence_may_name_a_class_that_is_html(nasty):
    text = without_scripts(report.write(nasty).read_text(encoding="utf-8"))
    assert "Right on 3 of 4 test rows: too few to say how good it is." in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_run_without_figures_is_refused_with_a_sentence(finished):
    run = finished["digits"]
    runs.path(run, "evaluation.json").unlink()
    with pytest.raises(LookupError, match=f"Run {run} has no figures yet; wait until it is done, or evaluate"):
        report.write(run)
    assert not runs.path(run, "exports", "report.html").exists()
