"""The Export page: nothing leaves without its proof."""

import json

import pytest

from core import runs
from exports import variants
from exports.variants import timing
from tests.dashboard import pages
from tests.dashboard.pages import button

OFFERED = ["Download model.onnx", "Certificate as JSON"]


def downloads(page) -> list[str]:
    labels = [widget.label.split(" (")[0] for widget in page.get("download_button")]
    return [label for label in labels if label != "CSV"]  # of a figure


def fail(run: str) -> str:
    """Let the stored proof say that it failed; returns its verdict."""
    verdict = "Failed: the file decides otherwise than the trained net on 1 of 359 test images."
    decision = {"id": "0007", "pytorch": "3", "onnx": "8", "probability_pytorch": 0.9, "probability_onnx": None}
    text = "The values first differ at net.head.0 (Linear), in node node_linear (Gemm)."
    fault = {"node": "node_linear", "module": "net.head.0", "text": text}
    record = runs.parity(run) | {"passed": False, "verdict": verdict, "decisions": [decision], "fault": fault}
    runs.write_json(runs.path(run, "exports", "parity.json"), record)
    return verdict


@pytest.mark.slow
@pytest.mark.usefixtures("own_engine")
def test_a_run_without_a_file_is_exported_and_proved_at_a_click(show, finished):
    run = finished["breast_cancer"]
    page = show("export", run=run)
    assert downloads(page) == []
    button(page, "Export and prove").click().run()
    pages.check(page)
    assert runs.parity(run)["passed"]
    assert downloads(page) == OFFERED


@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_a_proved_file_is_offered_with_its_verdict(show, exported, kind):
    page = show("export", run=exported[kind])
    pages.check(page)
    assert f'<div class="verdict passed">{runs.parity(exported[kind])["verdict"]}</div>' in pages.html(page)
    assert downloads(page) == OFFERED and [box.label for box in page.checkbox] == ["Explanation inside the file"]


def test_the_file_is_offered_right_below_the_verdict_and_how_it_decides(show, exported):
    parts = list(show("export", run=exported["digits"]).main.children.values())
    verdict = [part.type for part in parts].index("html")
    said, offered = parts[verdict + 1 : verdict + 3]
    assert said.markdown[0].value.startswith("How it decides: ")
    assert [widget.label.split(" (")[0] for widget in offered.get("download_button")] == OFFERED


def test_the_certificate_has_a_row_for_each_condition(show, exported):
    table = show("export", run=exported["digits"]).dataframe[0].value
    assert {1, 2, 7, 64, 359} <= set(table["Batch size"])
    assert set(table["Graph"]) == {"optimised", "as written"} and {"1", "2"} <= set(table["Threads"])
    assert not table["Decisions that differ"].any()


def test_the_sheet_says_what_was_searched_and_what_the_margin_means(show, exported):
    page = show("export", run=exported["digits"])
    said = "\n".join(text.value for text in page.markdown)
    assert "No score was seen to differ by more than" in said and "not a proof for every input" in said
    assert "Self\\-test\\: the file gives here" in said and "A search for inputs" in said
    assert pages.metric(page, "Decisions that differ") == "0 of 359"


def test_a_record_that_lacks_what_newer_ones_have_is_shown(show, exported):
    run = exported["digits"]
    kept = ("format", "passed", "verdict", "n", "tolerance", "model_sha256", "versions", "decisions", "checks")
    record = {name: value for name, value in runs.parity(run).items() if name in (*kept, "largest_difference")}
    runs.write_json(runs.path(run, "exports", "parity.json"), record)
    page = show("export", run=run)
    pages.check(page)
    assert downloads(page) == OFFERED


def test_a_file_that_failed_its_proof_is_not_offered_until_asked_for(show, exported):
    run = exported["digits"]
    verdict = fail(run)
    page = show("export", run=run)
    pages.check(page)
    assert f'<div class="verdict failed">{verdict}</div>' in pages.html(page)
    assert downloads(page) == ["Certificate as JSON"]
    assert "net\\.head\\.0 \\(Linear\\), in node node\\_linear" in page.error[0].value
    page.checkbox(key="although").check().run()
    assert downloads(page) == ["Download model.onnx", "Certificate as JSON"]
    assert not [widget for widget in page.button if widget.label == "Make and measure variants"]


def test_samples_that_differ_are_listed(show, exported):
    fail(exported["digits"])
    table = show("export", run=exported["digits"]).dataframe[0].value
    assert table["Sample"].tolist() == ["0007"]


def test_a_file_changed_after_its_proof_has_none(show, exported):
    run = exported["digits"]
    path = runs.path(run, "exports", "model.onnx")
    path.write_bytes(path.read_bytes() + b"changed")
    page = show("export", run=run)
    assert [warning.value for warning in page.warning] == [
        "This file has not been compared with the trained net, or one of the two has changed since. Export it "
        "again to prove it."
    ]
    assert downloads(page) == [] and button(page, "Export and prove")


def test_a_file_whose_proof_is_gone_has_none(show, exported):
    runs.path(exported["digits"], "exports", "parity.json").unlink()
    page = show("export", run=exported["digits"])
    assert len(page.warning) == 1 and downloads(page) == []


@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_the_code_shown_runs_and_names_a_class(show, exported, kind, monkeypatch, capsys):
    run = exported[kind]
    (code,) = [block.value for block in show("export", run=run).code if block.value.startswith("import numpy")]
    monkeypatch.chdir(runs.path(run, "exports"))
    exec(code, {})  # what a person would paste
    assert capsys.readouterr().out.split()[0] in runs.schema(run).classes


def test_the_report_is_on_the_share_page(show, exported):
    assert "A report for others is on the Share page" in pages.links(show("export", run=exported["digits"]))


def test_what_goes_in_and_comes_out_is_listed(show, exported):
    tables = [table.value for table in show("export", run=exported["breast_cancer"]).dataframe]
    (inputs,) = [table for table in tables if "Input" in table and "Example" in table]
    (outputs,) = [table for table in tables if "Output" in table]
    assert "mean radius" in inputs["Input"].tolist() and {"probabilities", "label"} <= set(outputs["Output"])


@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_the_command_for_the_server_holds_a_row_of_the_data(show, exported, kind):
    (code,) = [block.value for block in show("export", run=exported[kind]).code if block.value.startswith("python -m")]
    assert exported[kind] in code and "http://127.0.0.1:8600/predict" in code
    if kind == "breast_cancer":
        row = json.loads(code.split("-d '")[1].rstrip("'\n"))["rows"][0]
        assert set(row) == {column.name for column in runs.schema(exported[kind]).columns}


@pytest.fixture
def measured(exported, monkeypatch):
    """Digits with variants, measured a few times only, of which int8 is not shown to be as accurate."""
    monkeypatch.setattr(timing, "SECONDS", 0.01)
    run = exported["digits"]
    record = variants.make(run, ("fp16", "int8 static"))
    record["variants"][2] |= {"losses": 4, "gains": 0}
    runs.write_json(runs.path(run, "exports", "variants.json"), record)
    return run


def test_variants_that_are_as_accurate_are_offered_and_the_others_only_for_who_asks(show, measured):
    page = show("export", run=measured)
    pages.check(page)
    offered = [label for label in downloads(page) if label not in OFFERED]
    assert offered == ["Download fp16"]
    page.checkbox(key="unequal").check().run()
    assert [label for label in downloads(page) if label not in OFFERED] == ["Download fp16", "Download int8 static"]


def test_the_margin_in_the_address_judges_anew(show, measured):
    page = show("export", run=measured, margin="5")
    assert [label for label in downloads(page) if label not in OFFERED] == ["Download fp16", "Download int8 static"]
    (table,) = [table.value for table in page.dataframe if "Verdict" in table.value]
    assert table["Verdict"].tolist() == ["", "as accurate", "as accurate"]


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_certificate_that_cannot_be_read_is_made_again(show, exported, content):
    runs.path(exported["digits"], "exports", "parity.json").write_text(content)
    page = show("export", run=exported["digits"])
    pages.check(page)
    assert "has not been compared" in page.warning[0].value and downloads(page) == []
    assert button(page, "Export and prove")


@pytest.mark.parametrize("name", ["checks", "versions", "passed"])
def test_a_certificate_of_other_kinds_is_told_in_one_sentence(show, exported, name):
    run = exported["digits"]
    runs.write_json(
        runs.path(run, "exports", "parity.json"), runs.parity(run) | {name: 5 if name != "passed" else None}
    )
    page = show("export", run=run)
    pages.check(page)
    assert name == "passed" or "The certificate of this run is damaged" in page.error[0].value
    assert button(page, "Export and prove again")


def test_an_operating_point_in_the_certificate_that_is_damaged_is_said(show, exported):
    run = exported["digits"]
    proof = runs.parity(run)
    runs.write_record(run, "exports/parity.json", {**proof, "operating_point": {"thresholds": "none"}})
    page = show("export", run=run)
    pages.check(page)
    assert [error.value for error in page.error] == [
        "The operating point in the certificate of this run is damaged and cannot be shown; make it again."
    ]
