"""The Export page: nothing leaves without its proof."""

import pytest

from core import runs
from tests.dashboard import pages
from tests.dashboard.pages import button


def downloads(page) -> list[str]:
    return [widget.label.split(" (")[0] for widget in page.get("download_button")]


def fail(run: str) -> str:
    """Let the stored proof say that it failed; returns its verdict."""
    verdict = "Failed: the file decides otherwise than the trained net on 1 of 359 test images."
    decision = {"id": "0007", "pytorch": "3", "onnx": "8", "probability_pytorch": 0.9, "probability_onnx": None}
    record = runs.parity(run) | {"passed": False, "verdict": verdict, "decisions": [decision]}
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
    assert downloads(page) == ["Download model.onnx"]


@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_a_proved_file_is_offered_with_its_verdict(show, exported, kind):
    page = show("export", run=exported[kind])
    pages.check(page)
    assert f'<div class="verdict passed">{runs.parity(exported[kind])["verdict"]}</div>' in pages.html(page)
    assert downloads(page) == ["Download model.onnx"] and not page.checkbox


def test_the_certificate_has_a_row_for_each_batch_size(show, exported):
    table = show("export", run=exported["digits"]).dataframe[0].value
    assert table["Batch size"].tolist() == [1, 7, 359]
    assert table["Decisions that differ"].tolist() == [0, 0, 0]


def test_a_file_that_failed_its_proof_is_not_offered_until_asked_for(show, exported):
    run = exported["digits"]
    verdict = fail(run)
    page = show("export", run=run)
    pages.check(page)
    assert f'<div class="verdict failed">{verdict}</div>' in pages.html(page)
    assert downloads(page) == []
    page.checkbox[0].check().run()
    assert downloads(page) == ["Download model.onnx"]


def test_samples_that_differ_are_listed(show, exported):
    fail(exported["digits"])
    table = show("export", run=exported["digits"]).dataframe[1].value
    assert table["id"].tolist() == ["0007"]


def test_a_file_changed_after_its_proof_has_none(show, exported):
    run = exported["digits"]
    path = runs.path(run, "exports", "model.onnx")
    path.write_bytes(path.read_bytes() + b"changed")
    page = show("export", run=run)
    assert [warning.value for warning in page.warning] == [
        "This file has not been compared with the trained net, or was changed since. Export it again to prove it."
    ]
    assert downloads(page) == [] and button(page, "Export and prove")


def test_a_file_whose_proof_is_gone_has_none(show, exported):
    runs.path(exported["digits"], "exports", "parity.json").unlink()
    page = show("export", run=exported["digits"])
    assert len(page.warning) == 1 and downloads(page) == []


@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_the_code_shown_runs_and_names_a_class(show, exported, kind, monkeypatch, capsys):
    run = exported[kind]
    (code,) = [block.value for block in show("export", run=run).code if "onnxruntime" in block.value]
    monkeypatch.chdir(runs.path(run, "exports"))
    exec(code, {})  # what a person would paste
    assert capsys.readouterr().out.split()[0] in runs.schema(run).classes


def test_the_report_is_written_at_a_click_and_offered(show, exported):
    page = show("export", run=exported["digits"])
    button(page, "Write the report").click().run()
    pages.check(page)
    assert runs.path(exported["digits"], "exports", "report.html").exists()
    assert downloads(page)[-1] == "Download report.html"
