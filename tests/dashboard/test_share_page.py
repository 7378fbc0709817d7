"""The Share page: a person says what travels, and takes a file that holds that and no more."""

import pytest

from core import explain, runs
from core.evaluation import points
from exports import page as living
from exports import report
from exports.page import web
from tests.dashboard import pages
from tests.dashboard.pages import button

RUNTIME = {"ort.wasm.bundle.min.mjs": b"export {}", "ort-wasm-simd-threaded.wasm": b"\0asm"}


@pytest.fixture
def here(monkeypatch):
    """The engine's work is done in this process, and onnxruntime-web is a stand-in."""
    monkeypatch.setattr("dashboard.engine.attempt", lambda _, function, *args: function(*args))
    monkeypatch.setattr(web, "files", lambda: RUNTIME)


def box(page, label: str):
    (found,) = [widget for widget in page.checkbox if widget.label.startswith(label)]
    return found


def downloads(page) -> list[str]:
    return [widget.label.split(" (")[0] for widget in page.get("download_button")]


def captions(page) -> str:
    return "\n".join(caption.value for caption in page.caption)


@pytest.mark.usefixtures("here")
def test_the_report_is_written_with_the_sections_that_are_ticked(show, finished):
    run = finished["breast_cancer"]
    page = show("share", run=run)
    pages.check(page)
    assert downloads(page) == [] and not box(page, "Single rows travel too").value
    box(page, "Training").uncheck()
    box(page, "Where it fails").uncheck()
    button(page, "Write the report").click().run()
    pages.check(page)
    held = report.holds(run)
    assert held["sections"] == ["words", "data", "evaluation", "operating", "certificate"] and not held["samples"]
    assert "In the file: In plain words, Data, Evaluation, How it decides, Certificate; no single row." in captions(
        page
    )
    assert downloads(page) == ["Download the report"] and button(page, "Write it again") and not page.warning
    points.save(run, points.OperatingPoint((0.3,), name="careful"))
    assert "have changed since this report was written" in show("share", run=run).warning[0].value


@pytest.mark.usefixtures("here")
def test_single_samples_travel_in_the_report_when_that_is_ticked(show, finished):
    run = finished["digits"]
    explain.pin(run, explain.explain(run, method="gradcam"))
    page = show("share", run=run)
    assert box(page, "Why it decides so (1)").value
    box(page, "Single images travel too").check()
    button(page, "Write the report").click().run()
    assert report.holds(run)["samples"] and "single images among it" in captions(page)


def test_a_run_that_was_not_exported_is_sent_to_the_export_page(show, finished):
    page = show("share", run=finished["digits"], what="Living page")
    pages.check(page)
    assert "has not been exported yet" in page.info[0].value and "Go to Export" in pages.links(page)
    assert not pages.below_header(page)


@pytest.mark.usefixtures("here")
def test_the_living_page_has_no_sample_of_the_data_until_some_are_ticked(show, exported):
    run = exported["digits"]
    page = show("share", run=run, what="Living page")
    pages.check(page)
    button(page, "Make the living page").click().run()
    pages.check(page)
    assert living.holds(run)["samples"] == 0 and "no image of the data" in captions(page)
    box(page, "Some test images").check().run()
    page.number_input(key="share-n").set_value(3).run()
    button(page, "Make it again").click().run()
    assert living.holds(run)["samples"] == 3 and "3 images of the data" in captions(page)
    assert downloads(page) == ["Download the living page"]


@pytest.mark.usefixtures("here")
def test_a_file_that_failed_its_proof_needs_a_deliberate_choice(show, exported):
    run = exported["digits"]
    record = runs.parity(run) | {"passed": False, "verdict": "Failed: it decides otherwise on 1 of 359 test images."}
    runs.write_json(runs.path(run, "exports", "parity.json"), record)
    page = show("share", run=run, what="Living page")
    assert "failed its proof" in page.warning[0].value and not pages.below_header(page)
    box(page, "I want the page although").check().run()
    assert button(page, "Make the living page")


@pytest.mark.usefixtures("here")
def test_a_page_of_an_older_file_says_so(show, exported):
    run = exported["digits"]
    living.write(run)
    path = runs.path(run, "exports", "model.onnx")
    path.write_bytes(path.read_bytes() + b"\n")
    page = show("share", run=run, what="Living page")
    assert any("was exported again since this page was made" in warning.value for warning in page.warning)


def test_a_run_that_is_not_done_says_what_to_do(show):
    run = pages.stopped_at_once()
    page = show("share", run=run)
    pages.check(page)
    assert "Go to Train" in pages.links(page)
