"""The report: one file that opens anywhere and says what was found, whatever the data is called."""

import base64
import hashlib
import html
import html.parser
import json
import re

import pytest

from core import evaluation, runs, words
from core.data import split
from core.evaluation import points
from core.evaluation.operating import OperatingPoint
from exports import plain, report
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
    return re.sub(r"<script[^>]*>.*?</script>", "", text, flags=re.DOTALL)


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
    assert [address for address in asked if not address.startswith("#")] == []


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


def test_the_report_has_the_figures_of_its_sections(finished):
    page = Page(report.write(finished["digits"]).read_text(encoding="utf-8"))
    drawn = json.loads(page.scripts[0])["figures"]
    names = {section: [name for name, _ in found] for section, found in drawn.items()}
    assert names["training"] == ["Loss by epoch", "Accuracy by epoch"]
    assert names["evaluation"] == ["Confusion matrix", "ROC", "Precision and recall", "Calibration"]


def test_a_report_has_the_sections_that_were_chosen_and_no_other(finished):
    text = report.write(finished["digits"], ("data", "certificate")).read_text(encoding="utf-8")
    shown = re.findall(r'<section id="(\w+)">', text)
    assert shown == ["data", "certificate"] and "Confusion matrix" not in text
    held = report.holds(finished["digits"])
    assert (held["sections"], held["samples"]) == (["data", "certificate"], False)


def test_a_section_that_there_is_not_is_refused_with_a_sentence(finished):
    with pytest.raises(ValueError, match=r"A report has no section 'weather'; choose of words, data"):
        report.write(finished["digits"], ("weather",))


@pytest.mark.parametrize("name", ["digits", "breast_cancer"])
def test_the_report_says_in_plain_words_what_came_out(finished, name):
    run, thing = finished[name], {"digits": "picture", "breast_cancer": "row"}[name]
    for line in plain.lines(run, None, thing):
        assert f"<li>{line}</li>" in visible(run)


def test_the_data_section_counts_the_samples_of_each_part(finished):
    run = finished["digits"]
    dataset = runs.dataset(run)
    where = split.load(runs.path(run, "split.parquet"), dataset.ids)
    assert f"<tr><td>Training</td><td>{len(where['train']):,} images</td></tr>" in visible(run)
    assert dataset.licence in visible(run)


def test_without_its_data_the_report_says_so_and_keeps_the_rest(finished, monkeypatch):
    def gone(run):
        raise ValueError(f"The data of run {run} is gone.")

    monkeypatch.setattr(runs, "dataset", gone)
    text = visible(finished["breast_cancer"])
    assert "The data itself is no longer in the workspace" in text and "Slices could not be looked for" in text
    assert "Balanced accuracy" in text


def test_the_operating_point_in_use_is_told_with_what_it_comes_to(finished):
    run = finished["breast_cancer"]
    points.save(run, OperatingPoint(thresholds=(0.9,), abstain_below=0.6, name="Careful"))
    text = visible(run)
    assert "<b>Careful.</b> " + points.text(points.used(run), runs.schema(run).classes) in text
    assert "<td>Nothing said</td>" in text


def test_ids_of_samples_that_differ_travel_only_if_single_samples_may(exported):
    run = exported["digits"]
    row = {"id": "secret-7", "pytorch": "3", "onnx": "8", "probability_pytorch": 0.9, "probability_onnx": 0.8}
    runs.write_json(runs.path(run, "exports", "parity.json"), runs.parity(run) | {"passed": False, "decisions": [row]})
    assert "secret-7" not in report.write(run).read_text(encoding="utf-8")
    assert "secret-7 (PyTorch 3, the file 8)" in report.write(run, samples=True).read_text(encoding="utf-8")


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
    assert (page.count("script"), page.count("img")) == (3, 0)


def test_names_that_are_html_are_nowhere_in_the_file_as_they_are(nasty):
    text = report.write(nasty).read_text(encoding="utf-8")
    assert "<script>alert" not in text and "<img" not in text.replace('"<img', "")
    assert text.count("</script>") == 3


def test_no_script_runs_in_the_report_but_its_own_and_nothing_is_asked_of_a_network(nasty):
    page = Page(report.write(nasty).read_text(encoding="utf-8"))
    (policy,) = [a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in page.scripts[1:]]
    assert rules["script-src"].split() == [f"'sha256-{digest}'" for digest in digests]
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "connect-src" not in rules and rules["img-src"] == "data: blob:"


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


def test_a_file_that_was_cut_is_no_report(finished):
    path = report.write(finished["digits"])
    assert report.holds(finished["digits"])
    path.write_bytes(path.read_bytes()[:-100])
    assert report.holds(finished["digits"]) is None


def test_a_report_is_not_current_once_what_it_tells_of_has_changed(finished):
    run = finished["breast_cancer"]
    assert not report.is_current(run)
    report.write(run)
    runs.path(run, "evaluation.json").touch()
    assert report.is_current(run)
    points.save(run, OperatingPoint((0.3,), name="careful"))
    assert not report.is_current(run)
    report.write(run)
    assert report.is_current(run)
    path = runs.path(run, "exports", "report.html")
    path.write_text(path.read_text(encoding="utf-8").replace("made_of", "before"), encoding="utf-8")
    points.delete(run, "careful")
    assert report.is_current(run)  # one of an earlier version does not know


def test_the_report_tells_the_time_of_all_parts_of_a_run_that_was_resumed(finished):
    run = finished["digits"]
    runs.write_status(run, took=3600.0)
    assert "3 epochs in 1 h, best epoch" in report.write(run).read_text(encoding="utf-8")


def test_a_certificate_that_cannot_be_read_is_none(exported):
    runs.path(exported["digits"], "exports", "parity.json").write_text("{")
    assert "There is no exported file that was proved" in visible(exported["digits"])


def test_the_day_is_told_so_that_it_stays_true(finished):
    assert not re.search(r"trained (today|yesterday)", visible(finished["digits"]))
